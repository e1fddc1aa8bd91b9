import { describe, expect, it } from 'vitest'
import type { EventFact } from '../events/message-event.ts'
import { createEvent, type RecordedEvent } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import { consent, consentLedger, consentOf } from './consent.ts'

const contact = { kind: 'phone' as const, value: '+33639980001', raw: '+33639980001' }

function change(type: 'in' | 'out', occurredAt: string, more: object = {}): RecordedEvent {
  const fact = {
    type: `contact.opted_${type}`,
    idempotencyKey: `${type}:${occurredAt}`,
    channel: 'sms',
    provider: 'twilio',
    contact,
    occurredAt,
    data: { reason: 'keyword', keyword: type === 'in' ? 'START' : 'STOP' },
    ...more,
  } as EventFact
  const event = createEvent(fact, { clock: systemClock, ids: uuidSource })
  return { ...event, position: event.id, streamId: 'sms:+33639980001', version: 1, recordedAt: event.occurredAt }
}

const after = (...events: RecordedEvent[]) => events.reduce(consent.fold, consent.initial())
const held = (...events: RecordedEvent[]) => consentOf(after(...events), 'sms', '+33639980001')

describe('consent', () => {
  const out = change('out', '2026-01-06T10:00:00.000Z')
  const back = change('in', '2026-01-06T10:00:00.500Z')

  it('is what the contact said last, whichever we heard first', () => {
    expect(held(out)).toBe('opted-out')
    expect(held(out, back)).toBe('opted-in')
    expect(held(back, out)).toBe('opted-in')
  })

  it('is out when in and out have the same instant, however it is spelt', () => {
    const spellings = ['2026-01-06T10:00:00Z', '2026-01-06T10:00:00.000Z'] as const
    for (const [one, another] of [spellings, spellings.toReversed() as [string, string], [spellings[0], spellings[0]] as const]) {
      const events = [change('out', one), change('in', another)]
      expect(held(...events)).toBe('opted-out')
      expect(held(...events.reverse())).toBe('opted-out')
    }
  })

  it('tells a contact that was never asked from others', () => {
    expect(consentOf(after(out), 'whatsapp', '+33639980001')).toBe('never-asked')
    expect(consentOf(after(out), 'sms', '+33639980002')).toBe('never-asked')
  })

  it('keeps a ledger of every change, each once, oldest first', () => {
    const state = after(back, out, back, out)
    expect(consentLedger(state, 'sms', '+33639980001')).toEqual([
      { status: 'opted-out', occurredAt: out.occurredAt, idempotencyKey: out.idempotencyKey, reason: 'keyword', keyword: 'STOP' },
      { status: 'opted-in', occurredAt: back.occurredAt, idempotencyKey: back.idempotencyKey, reason: 'keyword', keyword: 'START' },
    ])
  })
})
