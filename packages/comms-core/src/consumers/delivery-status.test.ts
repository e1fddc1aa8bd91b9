import { describe, expect, it } from 'vitest'
import type { EventFact } from '../events/message-event.ts'
import { createEvent, type RecordedEvent } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import { type DeliveryStatusState, deliveryOf, deliveryStatus } from './delivery-status.ts'

const contact = { kind: 'phone' as const, value: '+33639980001', raw: '33639980001@c.us' }
const PROVIDER_KEY = 'greenapi:A1'
let version = 0

type Names = { messageId: string; providerMessageId?: string }
const ours: Names = { messageId: 'msg-1' }
const both: Names = { messageId: 'msg-1', providerMessageId: 'A1' }
const theirs: Names = { messageId: PROVIDER_KEY, providerMessageId: 'A1' }

const DATA: Record<string, object> = {
  requested: { content: { text: 'Bonjour' } },
  attempted: { attempt: 1, by: 'one', deadline: '2026-01-06T10:01:00.000Z' },
  uncertain: { attempt: 1, reason: 'no answer' },
  sent: { origin: 'api' },
  failed: { error: { code: 'unreachable', class: 'recipient' } },
}

function told(state: string, names: Names, more: object = {}): RecordedEvent {
  version += 1
  const fact = {
    type: `message.${state}`,
    idempotencyKey: `${state}:${version}`,
    channel: 'whatsapp',
    provider: 'greenapi',
    direction: 'outbound',
    contact,
    ...names,
    occurredAt: `2026-01-06T10:00:00.${String(version).padStart(3, '0')}Z`,
    data: DATA[state] ?? {},
    ...more,
  }
  const event = createEvent(fact as EventFact, { clock: systemClock, ids: uuidSource })
  return { ...event, position: String(version).padStart(12, '0'), streamId: 'whatsapp:+33639980001', version, recordedAt: event.occurredAt }
}

function after(...events: RecordedEvent[]): DeliveryStatusState {
  return events.reduce(deliveryStatus.fold, deliveryStatus.initial())
}

describe('delivery status', () => {
  it('is the highest rank seen', () => {
    const all = ['requested', 'attempted', 'uncertain', 'sent', 'failed', 'delivered', 'read'].map((state) => told(state, ours))
    for (let count = 1; count <= all.length; count += 1) {
      const last = all[count - 1]?.type.replace('message.', '')
      expect(deliveryOf(after(...all.slice(0, count)), 'msg-1')?.status).toBe(last)
      expect(deliveryOf(after(...all.slice(0, count).reverse()), 'msg-1')?.status).toBe(last)
    }
  })

  it('knows nothing of an unknown message', () => {
    for (const name of ['msg-1', '__proto__', 'constructor']) expect(deliveryOf(after(), name)).toBeUndefined()
  })

  it('keeps when each state was first true', () => {
    const first = told('sent', ours)
    const again = told('sent', ours)
    for (const events of [
      [first, again],
      [again, first],
    ]) {
      expect(deliveryOf(after(...events), 'msg-1')?.since).toEqual({ sent: first.occurredAt })
    }
  })

  it('keeps the latest failure, also under a delivery that outranks it', () => {
    const failure = (code: string) => told('failed', ours, { data: { error: { code, class: 'provider' } } })
    const events = [failure('first'), failure('last'), told('delivered', ours)]
    for (const order of [events, events.toReversed()]) {
      expect(deliveryOf(after(...order), 'msg-1')).toMatchObject({ status: 'delivered', failure: { error: { code: 'last' } } })
    }
  })

  it('takes no inbound message for one of ours', () => {
    expect(after(told('received', theirs, { direction: 'inbound' }), told('read', theirs, { direction: 'inbound' }))).toEqual(after())
  })
})

describe('a callback that knows only the id of the provider', () => {
  const asked = told('requested', ours)
  const sent = told('sent', both)
  const read = told('read', theirs)

  it('is matched whenever the tie is learnt', () => {
    const orders = [
      [asked, sent, read],
      [asked, read, sent],
      [read, asked, sent],
      [read, sent, asked],
      [sent, read, asked],
      [sent, asked, read],
    ]
    for (const order of orders) {
      const state = after(...order)
      expect(state).toEqual(after(asked, sent, read))
      expect(Object.keys(state.messages)).toEqual(['msg-1'])
      for (const name of ['msg-1', PROVIDER_KEY]) expect(deliveryOf(state, name)?.status).toBe('read')
    }
  })

  it('stands alone until then, under its own name', () => {
    const state = after(asked, read)
    expect(deliveryOf(state, 'msg-1')?.status).toBe('requested')
    expect(deliveryOf(state, PROVIDER_KEY)?.status).toBe('read')
  })

  it('joins what three names hold: two attempts of one message that the provider named twice', () => {
    const second = told('sent', { messageId: 'msg-1', providerMessageId: 'A2' })
    const late = told('delivered', { messageId: 'greenapi:A2', providerMessageId: 'A2' })
    for (const order of [
      [read, late, sent, second],
      [sent, second, read, late],
    ]) {
      const state = after(...order)
      expect(Object.keys(state.messages)).toEqual(['msg-1'])
      expect(deliveryOf(state, 'greenapi:A1')).toBe(deliveryOf(state, 'greenapi:A2'))
    }
  })

  it('is not mixed with the same id at another provider', () => {
    const elsewhere = told('failed', { messageId: 'twilio:A1', providerMessageId: 'A1' }, { provider: 'twilio' })
    const state = after(sent, elsewhere, read)
    expect(deliveryOf(state, 'msg-1')?.status).toBe('read')
    expect(deliveryOf(state, 'twilio:A1')?.status).toBe('failed')
  })

  it('is matched under any text that may be a name', () => {
    const odd = told('sent', { messageId: '__proto__', providerMessageId: 'constructor' })
    const status = told('read', { messageId: 'greenapi:constructor', providerMessageId: 'constructor' })
    for (const order of [
      [odd, status],
      [status, odd],
    ]) {
      const state = JSON.parse(JSON.stringify(after(...order))) as DeliveryStatusState
      expect(deliveryOf(state, '__proto__')?.status).toBe('read')
      expect(deliveryOf(state, 'greenapi:constructor')?.status).toBe('read')
    }
  })
})
