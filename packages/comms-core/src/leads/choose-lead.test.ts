import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leadMatchSchema } from '../events/message-event.ts'
import { chooseLead } from './choose-lead.ts'
import type { Lead } from './lead-directory.ts'

const CERTAIN = { rule: 'phone', certainty: 'certain' } as const
const lead = (id: string, over: Partial<Lead> = {}): Lead => ({ id, type: 'Lead', kind: 'lead', stage: 'open', match: CERTAIN, ...over })
const contact = (id: string, over: Partial<Lead> = {}) => lead(id, { type: 'Contact', kind: 'contact', ...over })
const account = (id: string, over: Partial<Lead> = {}) => lead(id, { type: 'Account', kind: 'account', ...over })

describe('of the records that hold an address', () => {
  it('none is nobody, and one is it', () => {
    expect(chooseLead('espocrm', [])).toBeUndefined()
    expect(chooseLead('espocrm', [lead('a', { name: 'Alex' })])).toEqual({
      id: 'a',
      type: 'Lead',
      name: 'Alex',
      directory: 'espocrm',
      rule: 'phone',
      certainty: 'certain',
    })
  })

  it.each<[string, Lead[], string, string, string]>([
    ['an open lead before the contact', [contact('c'), lead('l')], 'l', 'phone+open-lead-first', 'probable'],
    ['a contact before the account', [account('a'), contact('c')], 'c', 'phone+contact-first', 'probable'],
    ['an account before a converted lead', [lead('l', { stage: 'converted' }), account('a')], 'a', 'phone+account-first', 'probable'],
    [
      'a converted lead before one given up',
      [lead('d', { stage: 'closed' }), lead('l', { stage: 'converted' })],
      'l',
      'phone+converted-lead-first',
      'probable',
    ],
    [
      'the one changed last among equals, which is no more than possible',
      [lead('old', { modifiedAt: '2026-01-01T00:00:00Z' }), lead('new', { modifiedAt: '2026-01-02T00:00:00Z' })],
      'new',
      'phone+most-recent',
      'possible',
    ],
    [
      'the one whose address is surer among equals',
      [lead('twin', { match: { rule: 'phone:ninth-digit', certainty: 'probable' }, modifiedAt: '2026-01-02T00:00:00Z' }), lead('same')],
      'same',
      'phone+most-recent',
      'possible',
    ],
    [
      'a contact and the lead it was are one party',
      [lead('l', { stage: 'converted', becameIds: ['c'] }), contact('c')],
      'c',
      'phone',
      'certain',
    ],
  ])('%s', (_, found, id, rule, certainty) => {
    expect(chooseLead('espocrm', found)).toMatchObject({ id, rule, certainty })
  })

  it('is never surer than its address', () => {
    expect(chooseLead('espocrm', [lead('a', { match: { rule: 'phone:national', certainty: 'probable' } })])).toMatchObject({
      certainty: 'probable',
    })
  })

  it('all are listed, the chosen one first, in whatever order they come', () => {
    const any = fc.record({
      id: fc.stringMatching(/^[a-f]$/),
      type: fc.constant('Lead'),
      kind: fc.constantFrom('lead' as const, 'contact' as const, 'account' as const),
      stage: fc.constantFrom('open' as const, 'converted' as const, 'closed' as const),
      match: fc.constant(CERTAIN),
      modifiedAt: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
    })
    const records = fc.uniqueArray(any, { minLength: 1, maxLength: 5, selector: ({ id }) => id })
    fc.assert(
      fc.property(
        records.chain((found) => fc.tuple(fc.constant(found), fc.shuffledSubarray(found, { minLength: found.length }))),
        ([found, shuffled]) => {
          const match = chooseLead('espocrm', found)
          expect(leadMatchSchema.parse(match)).toEqual(match)
          expect(chooseLead('espocrm', shuffled)).toEqual(match)
          const listed = match?.candidates?.map(({ id }) => id) ?? [match?.id]
          expect(listed[0]).toBe(match?.id)
          expect([...listed].sort()).toEqual(found.map(({ id }) => id).sort())
        },
      ),
    )
  })
})
