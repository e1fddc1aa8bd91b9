import { type Listening, listen } from '../listen.ts'
import { createApp } from './app.ts'
import { chatIdFrom } from './chat.ts'
import type { GreenApiFault } from './faults.ts'
import { createInstance, type Instance } from './instance.ts'
import { journalEntry, type KeptMessage } from './message.ts'
import { completeOptions, type GreenApiSimulatorOptions } from './options.ts'
import { fileData } from './send-methods.ts'
import type { GreenApiSettings } from './settings.ts'
import { keepFile } from './upload.ts'
import { type Pushed, pushWebhooks } from './webhook-pusher.ts'

/** One simulated person on WhatsApp. Each act gives the id of its message. */
export interface SimulatedLead {
  readonly chatId: string
  writes(text: string): string
  /** Anything, as the `messageData` of a notification. */
  sends(messageData: KeptMessage['messageData']): string
  sendsFile(file: { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer>; readonly caption?: string }): Promise<string>
}

/** A Green-API instance on loopback: `apiUrl` and `mediaUrl` are both its `url`. */
export interface GreenApiSimulator {
  readonly url: string
  readonly idInstance: string
  readonly apiToken: string
  /** Somebody who writes: by number (`33639980001`) or chat id. */
  lead(numberOrChatId: string, name?: string): SimulatedLead
  /** Staff types a message on the instance's own phone. */
  staffWrites(numberOrChatId: string, text: string): string
  /** Notifies of anything, whatever the settings. */
  notify(notification: object): void
  /** Changes settings at once, without the reboot that the real service needs. */
  configure(settings: Partial<GreenApiSettings>): void
  settings(): GreenApiSettings
  state(): string
  setState(state: string): void
  fault(fault: GreenApiFault): void
  /** Messages of the instance in the shape of its journals, oldest first. */
  messages(): readonly Record<string, unknown>[]
  /** Calls so far, by method and status: `{ 'sendMessage 200': 3 }`. */
  readonly calls: Readonly<Record<string, number>>
  /** Webhooks so far. */
  readonly pushed: Readonly<Pushed>
  /** Notifications that nobody has taken yet. */
  waiting(): number
  /** Resolves when no message is on its way and every notification was taken. */
  quiet(): Promise<void>
  close(): Promise<void>
}

/**
 * Starts a Green-API instance on loopback that answers as the real one does, notifies by webhook or long poll, and fails on demand.
 * @example
 * const greenApi = await startGreenApiSimulator({ settings: { incomingWebhook: 'yes', webhookUrl: 'http://127.0.0.1:3000/webhooks/greenapi' } })
 * greenApi.lead('33639980001').writes('Bonjour')
 */
export async function startGreenApiSimulator(given: GreenApiSimulatorOptions = {}): Promise<GreenApiSimulator> {
  const options = completeOptions(given)
  const instance = createInstance(options)
  const calls: Record<string, number> = {}
  const pushed: Pushed = { taken: 0, refused: 0 }
  const app = createApp(instance, (method, status) => {
    const name = `${method} ${status}`
    calls[name] = (calls[name] ?? 0) + 1
  })
  const listening = await listen(app.fetch, options.port)
  const { notifications: queue, schedule, account } = instance
  const pushing = pushWebhooks({ queue, schedule, settings: account.settings, fetch: options.fetch, pushed })

  return { ...controls(instance, listening), calls, pushed, close }

  async function close(): Promise<void> {
    schedule.stop()
    await Promise.all([pushing, listening.close()])
  }
}

function controls(instance: Instance, { url }: Listening) {
  const { options, account, archive, faults, notifications, notifier, pending } = instance
  return {
    url,
    idInstance: options.idInstance,
    apiToken: options.apiToken,
    lead(numberOrChatId: string, senderName = 'Camille'): SimulatedLead {
      const chatId = chatIdFrom(numberOrChatId)
      const sends = (messageData: KeptMessage['messageData']) => instance.receive({ type: 'incoming', chatId, senderName, messageData })
      return {
        chatId,
        sends,
        writes: (text) => sends({ typeMessage: 'textMessage', textMessageData: { textMessage: text } }),
        sendsFile: async ({ name, bytes, caption }) =>
          sends(fileData(await keepFile(instance, name, new Blob([bytes]), url), name, caption)),
      }
    },
    staffWrites: (numberOrChatId: string, text: string) =>
      instance.receive({
        type: 'outgoing',
        chatId: chatIdFrom(numberOrChatId),
        messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: text } },
      }),
    notify: (notification: object) => notifier.anything(notification),
    configure: account.configure,
    settings: account.settings,
    state: account.state,
    setState: account.setState,
    fault: faults.add,
    messages: () => archive.all().map(journalEntry),
    waiting: notifications.size,
    quiet: pending.quiet,
  }
}
