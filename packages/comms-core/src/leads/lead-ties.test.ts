import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LeadMatch } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { contactsOf, leadOf, leadTies, personOf, streamsOf } from './lead-ties.ts'

const CONTACTS = ['+33639980001', '+33639980002', 'a@example.com', 'lid:100000000000001']
const LEADS = ['one', 'two']
const match = (id: string, rule = 'phone'): LeadMatch => ({ id, type: 'Lead', directory: 'espocrm', rule, certainty: 'certain' })
const addressOf = (value: string) => ({
  kind: value.includes('@') ? ('email' as const) : value.startsWith('lid') ? ('lid' as const) : ('phone' as const),
  value,
  raw: value,
})

type Said =
  | { say: 'wrote'; contact: number; channel: string; lead?: number }
  | { say: 'correlated' | 'by-hand' | 'uncorrelated'; contact: number; lead: number }
  | { say: 'linked' | 'unlinked'; contact: number; other: number }

/** The log of what was said, as stores record it. */
function logOf(said: readonly Said[]): RecordedEvent[] {
  const versions = new Map<string, number>()
  return said.map((fact, index) => {
    const contact = addressOf(CONTACTS[fact.contact] as string)
    const channel = fact.say === 'wrote' ? fact.channel : 'whatsapp'
    const streamId = `${channel}:${contact.value}`
    const version = (versions.get(streamId) ?? 0) + 1
    versions.set(streamId, version)
    const lead = 'lead' in fact && fact.lead !== undefined ? LEADS[fact.lead] : undefined
    const bodies: Record<Said['say'], () => object> = {
      wrote: () => ({ type: 'message.received', data: {}, ...(lead ? { lead: match(lead) } : {}) }),
      correlated: () => ({ type: 'lead.correlated', data: { by: 'rule' }, lead: match(lead as string) }),
      'by-hand': () => ({ type: 'lead.correlated', data: { by: 'ann' }, lead: match(lead as string, 'by-hand') }),
      uncorrelated: () => ({ type: 'lead.uncorrelated', data: { leadId: lead, by: 'ann' }, lead: match(lead as string, 'by-hand') }),
      linked: () => ({
        type: 'contact.linked',
        data: { to: addressOf(CONTACTS['other' in fact ? fact.other : 0] as string), reason: 'test' },
      }),
      unlinked: () => ({
        type: 'contact.unlinked',
        data: { from: addressOf(CONTACTS['other' in fact ? fact.other : 0] as string), reason: 'test' },
      }),
    }
    const place = { position: String(index + 1).padStart(6, '0'), recordedAt: new Date(index * 1000).toISOString() }
    return { ...bodies[fact.say](), contact, channel, streamId, version, ...place } as unknown as RecordedEvent
  })
}

const fold = (events: readonly RecordedEvent[]) => events.reduce(leadTies.fold, leadTies.initial())
const stateOf = (...said: Said[]) => fold(logOf(said))
const [PHONE, PHONE2, MAIL, LID] = CONTACTS as [string, string, string, string]

const contact = fc.integer({ min: 0, max: CONTACTS.length - 1 })
const lead = fc.integer({ min: 0, max: LEADS.length - 1 })
const anything: fc.Arbitrary<Said> = fc.oneof(
  fc.record(
    { say: fc.constant('wrote' as const), contact, channel: fc.constantFrom('whatsapp', 'sms'), lead },
    { requiredKeys: ['say', 'contact', 'channel'] },
  ),
  fc.record({ say: fc.constantFrom('correlated' as const, 'by-hand' as const, 'uncorrelated' as const), contact, lead }),
  fc.record({ say: fc.constantFrom('linked' as const, 'unlinked' as const), contact, other: contact }),
)
const anyLog = fc.array(anything, { maxLength: 25 })

describe('the ties of contacts to leads', () => {
  it('come from a message that was recorded with its lead, and from a lead found later', () => {
    expect(leadOf(stateOf({ say: 'wrote', contact: 0, channel: 'sms', lead: 0 }), PHONE)?.id).toBe('one')
    const later = stateOf({ say: 'wrote', contact: 0, channel: 'sms' }, { say: 'correlated', contact: 0, lead: 1 })
    expect(leadOf(later, PHONE)?.id).toBe('two')
    expect(streamsOf(later, contactsOf(later, match('two')))).toEqual(['sms:+33639980001', 'whatsapp:+33639980001'])
  })

  it('follow the directory when it gives another answer', () => {
    expect(leadOf(stateOf({ say: 'correlated', contact: 0, lead: 0 }, { say: 'correlated', contact: 0, lead: 1 }), PHONE)?.id).toBe('two')
  })

  it('made by hand hold against what a rule finds later, until undone', () => {
    const said: Said[] = [
      { say: 'by-hand', contact: 0, lead: 0 },
      { say: 'wrote', contact: 0, channel: 'sms', lead: 1 },
    ]
    expect(leadOf(stateOf(...said), PHONE)?.id).toBe('one')
    expect(leadOf(stateOf(...said, { say: 'uncorrelated', contact: 0, lead: 0 }), PHONE)?.id).toBe('two')
  })

  it('undone stay undone against every rule, and not against a person', () => {
    const undone: Said[] = [
      { say: 'correlated', contact: 0, lead: 0 },
      { say: 'uncorrelated', contact: 0, lead: 0 },
      { say: 'wrote', contact: 0, channel: 'sms', lead: 0 },
    ]
    expect(leadOf(stateOf(...undone), PHONE)).toBeUndefined()
    expect(leadOf(stateOf(...undone, { say: 'by-hand', contact: 0, lead: 0 }), PHONE)?.id).toBe('one')
  })

  it('reach addresses that are linked and have no tie of their own, through others too', () => {
    const state = stateOf(
      { say: 'correlated', contact: 0, lead: 0 },
      { say: 'linked', contact: 3, other: 0 },
      { say: 'linked', contact: 0, other: 2 },
      { say: 'correlated', contact: 1, lead: 1 },
    )
    expect([LID, MAIL, PHONE2].map((value) => leadOf(state, value)?.id)).toEqual(['one', 'one', 'two'])
    expect([...personOf(state, LID)].sort()).toEqual([PHONE, MAIL, LID].sort())
    expect(contactsOf(state, match('one'))).toEqual([PHONE, MAIL, LID].sort())
  })

  it('leave out a linked address for which the lead was undone', () => {
    const state = stateOf(
      { say: 'correlated', contact: 0, lead: 0 },
      { say: 'linked', contact: 0, other: 2 },
      { say: 'uncorrelated', contact: 2, lead: 0 },
    )
    expect(contactsOf(state, match('one'))).toEqual([PHONE])
  })

  it('are no longer reached when the link is taken back', () => {
    const state = stateOf(
      { say: 'correlated', contact: 0, lead: 0 },
      { say: 'linked', contact: 0, other: 2 },
      { say: 'unlinked', contact: 2, other: 0 },
    )
    expect(leadOf(state, MAIL)).toBeUndefined()
  })

  it('are the same for any order and repetition of the events, and when the state is kept as JSON on the way', () => {
    fc.assert(
      fc.property(
        anyLog.chain((said) => {
          const events = logOf(said)
          return fc.tuple(fc.constant(events), fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2 }))
        }),
        ([events, shuffled]) => {
          const straight = fold(events)
          expect(fold(shuffled)).toEqual(straight)
          const half = Math.floor(events.length / 2)
          const kept = JSON.parse(JSON.stringify(fold(events.slice(0, half))))
          expect(events.slice(half).reduce(leadTies.fold, kept)).toEqual(straight)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('show after a tie and its undoing what they showed before', () => {
    fc.assert(
      fc.property(anyLog, contact, lead, (said, tied, to) => {
        const before = fold(logOf(said))
        const value = CONTACTS[tied] as string
        fc.pre(leadOf(before, value)?.id !== LEADS[to])
        const after = fold(logOf([...said, { say: 'by-hand', contact: tied, lead: to }, { say: 'uncorrelated', contact: tied, lead: to }]))
        for (const id of CONTACTS) {
          const now = leadOf(after, id)?.id
          // Who rejects a lead does not inherit it through a link either; for all others nothing has changed.
          expect(now).toBe(leadOf(before, id)?.id)
        }
        for (const id of LEADS) expect(contactsOf(after, match(id))).toEqual(contactsOf(before, match(id)))
      }),
      { numRuns: 500 },
    )
  })

  it('of each lead are those of whom it is the lead, and of nobody else', () => {
    fc.assert(
      fc.property(anyLog, (said) => {
        const state = fold(logOf(said))
        for (const id of LEADS) {
          expect(contactsOf(state, match(id))).toEqual(CONTACTS.filter((value) => leadOf(state, value)?.id === id).sort())
        }
      }),
      { numRuns: 300 },
    )
  })
})
