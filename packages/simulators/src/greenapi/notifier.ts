import { lidOf } from './chat.ts'
import type { KeptMessage } from './message.ts'
import type { NotificationQueue } from './notification-queue.ts'
import type { GreenApiSettings } from './settings.ts'

/** Says what happens on the instance, when the settings ask for it: https://green-api.com/en/docs/api/receiving/notifications-format/ */
export interface Notifier {
  message(message: KeptMessage): void
  status(message: KeptMessage, status: string, description?: string): void
  state(state: string): void
  quota(quotaData: object): void
  /** A notification as it is, whatever the settings. */
  anything(notification: object): void
}

export function createNotifier(options: {
  idInstance: string
  wid: string
  queue: NotificationQueue
  settings: () => GreenApiSettings
  clock: { now(): number }
}): Notifier {
  const { idInstance, wid, queue, settings, clock } = options
  const instanceData = { idInstance: Number(idInstance), wid, typeInstance: 'whatsapp' }
  const seconds = () => Math.floor(clock.now() / 1000)
  const say = (setting: keyof GreenApiSettings, typeWebhook: string, fields: object) => {
    if (settings()[setting] === 'yes') queue.add({ typeWebhook, instanceData, timestamp: seconds(), ...fields })
  }
  // With this setting on, no field of a notification holds the phone number.
  const shown = (chatId: string) => (settings().enableLidMode === 'yes' && chatId.endsWith('@c.us') ? lidOf(chatId) : chatId)
  return {
    message({ type, sendByApi, chatId: number, idMessage, messageData, senderName = '', timestamp }) {
      const chatId = shown(number)
      if (type === 'incoming') {
        const senderData = { chatId, sender: chatId, chatName: senderName, senderName, senderContactName: '' }
        return say('incomingWebhook', 'incomingMessageReceived', { timestamp, idMessage, senderData, messageData })
      }
      const senderData = { chatId, sender: wid, chatName: '', senderName: '', senderContactName: '' }
      const fields = { timestamp, idMessage, senderData, messageData }
      if (sendByApi) say('outgoingAPIMessageWebhook', 'outgoingAPIMessageReceived', fields)
      else say('outgoingMessageWebhook', 'outgoingMessageReceived', fields)
    },
    status({ chatId, idMessage, sendByApi }, status, description) {
      const fields = { chatId: shown(chatId), idMessage, status, ...(description === undefined ? {} : { description }), sendByApi }
      // These two cannot be switched off.
      if (status === 'failed' || status === 'noAccount')
        queue.add({ typeWebhook: 'outgoingMessageStatus', instanceData, timestamp: seconds(), ...fields })
      else say('outgoingWebhook', 'outgoingMessageStatus', fields)
    },
    state: (stateInstance) => say('stateWebhook', 'stateInstanceChanged', { stateInstance }),
    quota: (quotaData) => queue.add({ typeWebhook: 'quotaExceeded', instanceData, quotaData }),
    anything: (notification) => queue.add(notification),
  }
}
