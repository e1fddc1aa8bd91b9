import { describe, expect, it } from 'vitest'
import { parseContactAddress } from '../events/contact-address.ts'
import type { EventFact, NewEvent } from '../events/message-event.ts'
import { createEvent, streamIdOf } from '../events/recorded-event.ts'
import type { Sleep } from '../pause.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { attachReports, pointersAfter } from './attach-reports.ts'

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
    const {
      events: [event, ...more],
    } = await attachReports([report], '1', { store, ...runtime })
    expect(more).toEqual([])
    expect(event).toEqual({ ...report, messageId: 'msg_1', contact: SENT_TO, data: { recipient: NAMED } })
    expect(finds).toHaveLength(1)
  })

  it('gives our messageId to a report that names the same address, and leaves the rest of it alone', async () => {
    const { store } = await logWithMessage()
    const report = make({ type: 'message.read', idempotencyKey: 'read', contact: { ...SENT_TO, raw: '5531987654321@c.us' } } as EventFact)
    expect((await attachReports([report], '1', { store, ...runtime })).events).toEqual([{ ...report, messageId: 'msg_1' }])
  })

  it('looks nothing up and changes nothing for what comes in, what staff typed on the phone, and consent', async () => {
    const { store, finds } = await logWithMessage()
    const events = [
      make({ type: 'message.received', idempotencyKey: 'a', direction: 'inbound', data: { text: 'Oi' } } as EventFact),
      make({ type: 'message.sent', idempotencyKey: 'b', data: { origin: 'device', content: { text: 'Olá' } } } as EventFact),
      make({ type: 'message.delivered', idempotencyKey: 'c', data: { byApi: false } } as EventFact),
      make({ type: 'contact.opted_out', idempotencyKey: 'd', data: { reason: 'blocked' } } as EventFact),
    ]
    expect((await attachReports(events, '1', { store, ...runtime })).events).toEqual(events)
    expect(finds).toEqual([])
  })

  it('leaves a report from a group as it is, when the provider uses the id of our message there again', async () => {
    const { store } = await logWithMessage()
    const contact = parseContactAddress('120363000000000001@g.us')
    const report = make({ type: 'message.read', idempotencyKey: 'g', contact } as EventFact)
    expect((await attachReports([report], '1', { store, ...runtime })).events).toEqual([report])
  })

  it('leaves a report on a copy, or of another system, as it is', async () => {
    const { store } = await logWithMessage()
    const report = make({ type: 'message.failed', idempotencyKey: 'f', messageId: 'msg_1#copy@example.org', data: FAILED } as EventFact)
    expect((await attachReports([report], '1', { store, ...runtime })).events).toEqual([report])
  })

  const pointersFor = async (report: NewEvent, store: EventStore, { sleep, streamId }: { sleep?: Sleep; streamId?: string } = {}) => {
    const options = { store, ...runtime, ...(sleep ? { sleep } : {}) }
    const { events, reports } = await attachReports([report], '1', options)
    expect(events).toEqual([report])
    return pointersAfter(reports, new Map(streamId === undefined ? [] : [[report.idempotencyKey, streamId]]), options)
  }
  const failed = () => make({ type: 'message.failed', idempotencyKey: 'f', data: FAILED } as EventFact)

  it('points to no report on a message that nothing is known of', async () => {
    expect(await pointersFor(failed(), memoryEventStore(), { streamId: 'whatsapp:+553187654321' })).toEqual([])
  })

  it.each<[string, (log: EventStore) => EventStore['find'], Sleep | undefined]>([
    ['is away', () => async () => Promise.reject(new Error('away')), undefined],
    ['does not answer', () => () => new Promise<never>(() => {}), async () => {}],
  ])('points to a report that was recorded while the store %s', async (_, find, sleep) => {
    const log = memoryEventStore()
    const [pointer] = await pointersFor(failed(), { ...bound(log), find: find(log) }, { ...(sleep ? { sleep } : {}), streamId: 'x' })
    expect(pointer).toMatchObject({ type: 'report.filed', data: { streamId: 'x', reportKey: 'f', providerMessageId: 'B1' } })
    expect(streamIdOf(pointer as NewEvent)).toMatch(/^report:[0-9a-f]{32}$/)
  })

  it('points to a report that waits in the spool', async () => {
    const pointers = await pointersFor(failed(), memoryEventStore())
    expect(pointers).toMatchObject([{ type: 'report.filed', data: { streamId: 'whatsapp:+553187654321', reportKey: 'f' } }])
  })

  it('points to a report whose message became known while it was recorded', async () => {
    const { store } = await logWithMessage()
    let finds = 0
    const find: EventStore['find'] = async (key) => (finds++ === 0 ? undefined : store.find(key))
    const pointers = await pointersFor(failed(), { ...store, find }, { streamId: 'whatsapp:+553187654321' })
    expect(pointers).toMatchObject([{ type: 'report.filed', data: { streamId: 'whatsapp:+553187654321', reportKey: 'f' } }])
  })

  it('takes names as long as an event may have', async () => {
    const id = ':'.repeat(500)
    const report = make({ type: 'message.read', idempotencyKey: 'k'.repeat(512), messageId: 'unknown', providerMessageId: id } as EventFact)
    const foreign = { ...report, messageId: `greenapi:${id}` } as NewEvent
    expect(await pointersFor(foreign, memoryEventStore())).toHaveLength(1)
  })
})

const FAILED = { error: { code: 'no-account', class: 'recipient' } } as const
