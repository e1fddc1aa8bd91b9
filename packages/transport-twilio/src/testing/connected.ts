import {
  createComms,
  createEvent,
  deliveryOf,
  deliveryStatus,
  type EventFact,
  memoryEventStore,
  type OutboundMessage,
  parseContactAddress,
  project,
  streamIdOf,
  systemClock,
  uuidSource,
} from '@pipe-comms/core'
import { startTwilioSimulator, type TwilioSimulator, type TwilioSimulatorOptions } from '@pipe-comms/simulators'
import { type TwilioOptions, twilioTransport } from '../index.ts'
import { OUR_NUMBER, PUBLIC_URL, THEIR_NUMBER } from './payloads.ts'

export const signal: AbortSignal = new AbortController().signal
export const message: OutboundMessage = { messageId: 'm-1', to: parseContactAddress(THEIR_NUMBER), content: { text: 'Bonjour' } }

const closers: (() => Promise<unknown>)[] = []
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0)) await close()
}

/** A simulated Twilio whose webhooks come to a log in memory, as through a proxy that knows the public URL. */
export async function connected(options: TwilioSimulatorOptions = {}, over: Partial<TwilioOptions> = {}) {
  const store = memoryEventStore()
  let refused: number | undefined
  const twilio: TwilioSimulator = await startTwilioSimulator({
    numbers: [{ phoneNumber: OUR_NUMBER, smsUrl: `${PUBLIC_URL}/webhooks/twilio-sms/incoming` }],
    fetch: async (url, init) => (refused ? new Response(null, { status: refused }) : comms.handle(new Request(url, init))),
    ...options,
  })
  const transport = twilioTransport({
    accountSid: twilio.account.sid,
    authToken: twilio.account.authToken,
    publicUrl: PUBLIC_URL,
    from: OUR_NUMBER,
    apiUrl: twilio.url,
    timeoutMs: 300,
    ...over,
  })
  const comms = createComms({ store, transports: [transport] })
  closers.push(() => twilio.close())
  const record = async (facts: readonly EventFact[]) => {
    const events = facts.map((fact) => createEvent(fact, { clock: systemClock, ids: uuidSource }))
    const results = await store.append(events.map((event) => ({ streamId: streamIdOf(event), events: [event] })))
    return results.flatMap((result) => (result.status === 'recorded' ? result.events : [])).filter(({ repeated }) => !repeated).length
  }
  const delivery = async (name: string) => deliveryOf((await project(store.readAll(), deliveryStatus)).state, name)
  return { store, twilio, transport, record, delivery, answerWith: (status: number | undefined) => (refused = status) }
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}
