import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { collect } from '../conformance/runner.ts'
import type { EventFact } from '../events/message-event.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { channelCounts, channelMetrics } from './channel-metrics.ts'
import { consent } from './consent.ts'
import { conversationOf, conversations } from './conversation.ts'
import { deliveryStatus } from './delivery-status.ts'
import type { Projection } from './projection.ts'

const CONTACTS = ['+33639980001', '+33639980002'].map((value) => ({ kind: 'phone' as const, value, raw: value }))
/** Few instants, so that many facts share one; two of them are spellings of the same. */
const INSTANTS = ['2026-01-06T10:00:00Z', '2026-01-06T10:00:00.000Z', '2026-01-06T10:00:00.500Z', '2026-01-06T10:00:01.000Z']
const NAMES = ['ours', 'both', 'theirs', 'bare', 'second'] as const

/** What an event calls message `number`: each contact has messages of its own, each with an id of ours and one of the provider's. */
function namesFor(number: number, naming: (typeof NAMES)[number]) {
  const providerMessageId = `P${number}`
  if (naming === 'ours') return { messageId: `msg-${number}` }
  if (naming === 'bare') return { messageId: `greenapi:${providerMessageId}` }
  if (naming === 'second') return { messageId: `also-${number}`, providerMessageId }
  return { messageId: naming === 'both' ? `msg-${number}` : `greenapi:${providerMessageId}`, providerMessageId }
}

const message = fc.record({ number: fc.integer({ min: 0, max: 2 }), naming: fc.constantFrom(...NAMES) })

const lifecycle = fc
  .tuple(
    message,
    fc.constantFrom('requested', 'attempted', 'uncertain', 'sent', 'failed', 'delivered', 'read'),
    fc.string({ maxLength: 3 }),
  )
  .map(([{ number, naming }, state, text]) => {
    const data: Record<string, object> = {
      requested: { content: { text } },
      attempted: { attempt: 1, by: 'one', deadline: INSTANTS[0] },
      uncertain: { attempt: 1, reason: text },
      sent: { origin: 'api', content: { text } },
      failed: { error: { code: `code-${text}`, class: 'provider' } },
    }
    return { type: `message.${state}`, direction: 'outbound', ...namesFor(number, naming), who: number % 2, data: data[state] ?? {} }
  })

const inbound = fc.tuple(fc.integer({ min: 3, max: 4 }), fc.string({ maxLength: 3 })).map(([number, text]) => ({
  type: 'message.received',
  direction: 'inbound',
  ...namesFor(number, 'theirs'),
  who: number % 2,
  data: { text },
}))

const change = fc
  .tuple(fc.integer({ min: 0, max: 4 }), fc.constantFrom('edited', 'deleted', 'reacted'), fc.constantFrom('', '👍', '❤️'), fc.boolean())
  .map(([number, kind, emoji, byUs]) => {
    const more: Record<string, object> = { edited: { text: emoji }, reacted: { emoji } }
    return {
      type: `message.${kind}`,
      direction: byUs ? 'outbound' : 'inbound',
      who: number % 2,
      data: { target: { providerMessageId: `P${number}` }, ...more[kind] },
    }
  })

const other = fc.tuple(fc.constantFrom('in', 'out', 'lead', 'quarantine'), fc.integer({ min: 0, max: 1 })).map(([kind, who]) => {
  if (kind === 'lead') {
    const lead = { id: 'L1', directory: 'espocrm', rule: 'phone', certainty: 'certain' }
    return { type: 'lead.correlated', who, lead, data: { by: 'phone' } }
  }
  if (kind === 'quarantine') {
    const request = { transport: 'greenapi', method: 'POST', path: '/', body: '', bodyEncoding: 'utf8', bodySha256: '0' }
    return { type: 'webhook.quarantined', who: -1, data: { reason: 'unknown', ...request } }
  }
  return { type: `contact.opted_${kind}`, who, data: { reason: 'keyword' } }
})

/** A history of facts, each with a name of its own, as a provider and we might tell them in any order. */
const history = fc
  .array(
    fc.tuple(fc.oneof({ weight: 4, arbitrary: lifecycle }, inbound, { weight: 2, arbitrary: change }, other), fc.constantFrom(...INSTANTS)),
    {
      maxLength: 24,
      size: 'max',
    },
  )
  .map((given) =>
    given.map(([{ who, ...fields }, occurredAt], index): EventFact => {
      const contact = CONTACTS[who]
      const envelope = { channel: 'whatsapp', provider: 'greenapi', account: '1', idempotencyKey: `fact-${index}`, occurredAt }
      return { ...envelope, ...(contact ? { contact } : {}), ...fields } as unknown as EventFact
    }),
  )

/** The history, the same facts in another order, and some of them once more at any place. */
const told = history.chain((facts) => {
  const places = facts.map((_, index) => index)
  const shuffled = fc.shuffledSubarray(places, { minLength: places.length })
  const repeats = places.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...places), { maxLength: 12 })
  return fc.tuple(shuffled, repeats).chain(([order, again]) =>
    fc.record({
      facts: fc.constant(facts),
      order: fc.shuffledSubarray([...order, ...again], { minLength: order.length + again.length }),
    }),
  )
})

async function recorded(facts: readonly EventFact[]): Promise<RecordedEvent[]> {
  const store = memoryEventStore()
  const events = facts.map((fact) => createEvent(fact, { clock: systemClock, ids: uuidSource }))
  await store.append(events.map((event) => ({ streamId: streamIdOf(event), events: [event] })))
  return (await collect(store.readAll())).map(frozen)
}

function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen)
  return value
}

function folded<State>(projection: Projection<State>, events: readonly RecordedEvent[], from = projection.initial()): State {
  return events.reduce(projection.fold, from)
}

const throughJson = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value))

describe.each<[string, Projection<unknown>]>([
  ['delivery status', deliveryStatus],
  ['conversations', conversations],
  ['consent', consent],
  ['channel metrics', channelMetrics],
] as [string, Projection<unknown>][])('%s', (_, projection) => {
  it('comes out the same for any order and repetition of the events', async () => {
    await fc.assert(
      fc.asyncProperty(told, async ({ facts, order }) => {
        const events = await recorded(facts)
        const fed = order.map((place) => events[place] as RecordedEvent)
        expect(folded(projection, fed)).toEqual(folded(projection, events))
      }),
      { numRuns: 300 },
    )
  })

  it('comes out the same when its state was kept as JSON anywhere between', async () => {
    await fc.assert(
      fc.asyncProperty(told, fc.nat(), async ({ facts, order }, at) => {
        const events = await recorded(facts)
        const fed = order.map((place) => events[place] as RecordedEvent)
        const split = at % (fed.length + 1)
        const resumed = folded(projection, fed.slice(split), throughJson(folded(projection, fed.slice(0, split))))
        expect(throughJson(resumed)).toEqual(folded(projection, fed))
        expect(resumed).toEqual(folded(projection, fed))
      }),
      { numRuns: 300 },
    )
  })
})

/** The log itself may have recorded the facts in another order: then positions, versions and ids differ, and the promise is stronger. */
describe('a log that recorded the same facts in another order', () => {
  it.each<[string, (events: readonly RecordedEvent[]) => unknown]>([
    ['delivery status', (events) => folded(deliveryStatus, events)],
    ['consent', (events) => folded(consent, events)],
    ['channel counts', (events) => channelCounts(folded(channelMetrics, events))],
    ['the last activity of a conversation', (events) => activity(events)],
  ])('gives the same %s', async (_, read) => {
    await fc.assert(
      fc.asyncProperty(told, async ({ facts, order }) => {
        const fed = await recorded(order.map((place) => facts[place] as EventFact))
        expect(read(fed)).toEqual(read(await recorded(facts)))
      }),
      { numRuns: 300 },
    )
  })
})

function activity(events: readonly RecordedEvent[]) {
  const state = folded(conversations, events)
  return CONTACTS.map(({ value }) => {
    const { inbound: received, outbound, lastActivityAt } = conversationOf(state, `whatsapp:${value}`)
    return { received, outbound, lastActivityAt }
  })
}

describe('the generated histories', () => {
  it('hold what makes the promises hard: names tied late, changes before their message', async () => {
    const found = { tiedLate: 0, changedEarly: 0 }
    for (const { facts, order } of fc.sample(told, { numRuns: 300, seed: 1 })) {
      const seen = new Set<string>()
      for (const place of order) {
        const { type, messageId, providerMessageId, data } = facts[place] as EventFact & { messageId?: string; providerMessageId?: string }
        const key = `greenapi:${providerMessageId}`
        if (messageId?.startsWith('msg-') && providerMessageId && seen.has(messageId) && seen.has(key)) found.tiedLate += 1
        if (messageId) seen.add(messageId)
        const { target } = data as { target?: { providerMessageId: string } }
        if (type.startsWith('message.') && target && !seen.has(`greenapi:${target.providerMessageId}`)) found.changedEarly += 1
      }
    }
    expect(found.tiedLate).toBeGreaterThan(100)
    expect(found.changedEarly).toBeGreaterThan(100)
  })
})
