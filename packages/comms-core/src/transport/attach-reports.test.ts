import { describe, expect, it } from 'vitest'
import { collect } from '../conformance/runner.ts'
import { parseContactAddress } from '../events/contact-address.ts'
import type { EventFact, NewEvent } from '../events/message-event.ts'
import { createEvent, streamIdOf } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { attachReports } from './attach-reports.ts'
import { appendRequests } from './ingest.ts'

const runtime = { clock: systemClock, ids: uuidSource }
const SENT_TO = parseContactAddress('+5531987654321')
const NAMED = parseContactAddress('+553187654321')

function make(fact: Partial<EventFact> & { readonly type: EventFact['type'] }): NewEvent {
  const envelope = { channel: 'whatsapp', provider: 'greenapi', account: '1', direction: 'outbound', contact: NAMED }
  return createEvent({ ...envelope, messageId: 'greenapi:B1', providerMessageId: 'B1', data: {}, ...fact } as EventFact, runtime)
}

/** A log with a message of ours that the provider took as B1. Counts the look-ups. */
async function logWithMessage(): Promise<{ store: EventStore; finds: string[] }> {
  const store = memoryEventStore()
  const ours = { contact: SENT_TO, messageId: 'msg_1' }
  const { providerMessageId: _, ...requested } = make({
    ...ours,
    type: 'message.requested',
    idempotencyKey: 'request:msg_1',
    data: { content: { text: 'Olá' } },
  } as EventFact)
  const sent = make({ ...ours, type: 'message.sent', idempotencyKey: 'sent:greenapi:1:B1', data: { origin: 'api' } } as EventFact)
  await store.append([{ streamId: streamIdOf(sent), events: [requested as NewEvent, sent] }])
  const finds: string[] = []
  const find = (key: string) => {
    finds.push(key)
    return store.find(key)
  }
  return { store: { ...bound(store), find }, finds }
}

function bound(store: EventStore): EventStore {
  return {
    append: (requests) => store.append(requests),
    find: (key) => store.find(key),
    readStream: (streamId, options) => store.readStream(streamId, options),
    readAll: (options) => store.readAll(options),
    close: () => store.close(),
  }
}

describe('attachReports', () => {
  it.each<[string, Partial<EventFact>]>([
    ['by our id of it', { messageId: 'msg_1' }],
    ["by the provider's id of it", {}],
    ["by the provider's id of it, written as a messageId alone", { providerMessageId: undefined } as Partial<EventFact>],
  ])('files a report under the request of its message, found %s, and keeps the address it names', async (_, names) => {
    const { store, finds } = await logWithMessage()
    const report = make({ type: 'message.delivered', idempotencyKey: 'delivered', ...names } as EventFact)
    const [event, ...more] = await attachReports([report], '1', { store, ...runtime })
    expect(more).toEqual([])
    expect(event).toEqual({ ...report, messageId: 'msg_1', contact: SENT_TO, data: { recipient: NAMED } })
    expect(finds).toHaveLength(1)
  })

  it('gives our messageId to a report that names the same address, and leaves the rest of it alone', async () => {
    const { store } = await logWithMessage()
    const report = make({ type: 'message.read', idempotencyKey: 'read', contact: { ...SENT_TO, raw: '5531987654321@c.us' } } as EventFact)
    expect(await attachReports([report], '1', { store, ...runtime })).toEqual([{ ...report, messageId: 'msg_1' }])
  })

  it('looks nothing up and changes nothing for what comes in, what staff typed on the phone, and consent', async () => {
    const { store, finds } = await logWithMessage()
    const events = [
      make({ type: 'message.received', idempotencyKey: 'a', direction: 'inbound', data: { text: 'Oi' } } as EventFact),
      make({ type: 'message.sent', idempotencyKey: 'b', data: { origin: 'device', content: { text: 'Olá' } } } as EventFact),
      make({ type: 'message.delivered', idempotencyKey: 'c', data: { byApi: false } } as EventFact),
      make({ type: 'contact.opted_out', idempotencyKey: 'd', data: { reason: 'blocked' } } as EventFact),
    ]
    expect(await attachReports(events, '1', { store, ...runtime })).toEqual(events)
    expect(finds).toEqual([])
  })

  it('leaves a report from a group as it is, when the provider uses the id of our message there again', async () => {
    const { store } = await logWithMessage()
    const contact = parseContactAddress('120363000000000001@g.us')
    const report = make({ type: 'message.read', idempotencyKey: 'g', contact } as EventFact)
    expect(await attachReports([report], '1', { store, ...runtime })).toEqual([report])
  })

  it('leaves a report on a copy, or of another system, as it is', async () => {
    const { store } = await logWithMessage()
    const report = make({ type: 'message.failed', idempotencyKey: 'f', messageId: 'msg_1#copy@example.org', data: FAILED } as EventFact)
    expect(await attachReports([report], '1', { store, ...runtime })).toEqual([report])
  })

  it.each(['a message that is not known yet', 'a store that is away', 'a store that does not answer'])(
    'puts a pointer into the log before the report, for %s',
    async (why) => {
      const log = memoryEventStore()
      const find =
        why === 'a store that is away'
          ? async () => Promise.reject(new Error('away'))
          : why === 'a store that does not answer'
            ? () => new Promise<never>(() => {})
            : log.find.bind(log)
      const store = { ...bound(log), find }
      const other = make({ type: 'contact.opted_out', idempotencyKey: 'o', data: { reason: 'blocked' } } as EventFact)
      const report = make({ type: 'message.failed', idempotencyKey: 'f', data: FAILED } as EventFact)
      const sleep = async () => {}
      const attached = await attachReports([other, report], '1', { store, ...runtime, ...(why.includes('answer') ? { sleep } : {}) })
      expect(attached.map(({ type }) => type)).toEqual(['report.filed', 'contact.opted_out', 'message.failed'])
      await log.append(appendRequests(attached))
      const [pointer, ...rest] = await collect(log.readAll())
      expect(pointer?.streamId).toMatch(/^report:[0-9a-f]{32}$/)
      expect(pointer?.data).toMatchObject({ streamId: 'whatsapp:+553187654321', reportKey: 'f', providerMessageId: 'B1' })
      expect(rest.map(({ streamId }) => streamId)).toEqual(['whatsapp:+553187654321', 'whatsapp:+553187654321'])
    },
  )

  it('takes names as long as an event may have', async () => {
    const id = ':'.repeat(500)
    const report = make({ type: 'message.read', idempotencyKey: 'k'.repeat(512), messageId: 'unknown', providerMessageId: id } as EventFact)
    const foreign = { ...report, messageId: `greenapi:${id}` } as NewEvent
    expect(await attachReports([foreign], '1', { store: memoryEventStore(), ...runtime })).toHaveLength(2)
  })
})

const FAILED = { error: { code: 'no-account', class: 'recipient' } } as const
