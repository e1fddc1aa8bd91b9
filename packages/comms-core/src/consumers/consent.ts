import type { RecordedEvent } from '../events/recorded-event.ts'
import { compareFacts, type OrderedFact } from './fact-order.ts'
import type { Projection } from './projection.ts'
import { entryIn, setEntry, type Table } from './table.ts'

/** One change of consent, as the contact or somebody for it told us. */
export interface ConsentFact extends OrderedFact {
  readonly status: 'opted-in' | 'opted-out'
  readonly reason: string
  /** What the contact wrote, such as STOP. */
  readonly keyword?: string
}

/** The ledger of each channel and contact. Plain JSON. Read it with {@link consentOf} and {@link consentLedger}. */
export type ConsentState = Table<ConsentFact[]>

/**
 * Who may be written to, per channel. The latest change by `occurredAt` holds; of two at the same instant opting out does, because silence
 * is the smaller wrong. Order of arrival and repetition never matter.
 * @example
 * const { state } = await project(store.readAll(), consent)
 * consentOf(state, 'sms', '+33639980001') // 'opted-out'
 */
export const consent: Projection<ConsentState> = {
  name: 'consent',
  initial: () => ({}),
  fold: (state, event) => {
    if (event.type !== 'contact.opted_in' && event.type !== 'contact.opted_out') return state
    const key = ledgerKey(event.channel, event.contact.value)
    const ledger = entryIn(state, key)
    if (ledger) insert(ledger, factOf(event))
    else setEntry(state, key, [factOf(event)])
    return state
  },
}

/** What holds for this contact on this channel. `contact` is the canonical `value` of its address. */
export function consentOf(state: ConsentState, channel: string, contact: string): 'opted-in' | 'opted-out' | 'never-asked' {
  return consentLedger(state, channel, contact).at(-1)?.status ?? 'never-asked'
}

/** Every change of consent of this contact on this channel, oldest first; the last one holds. */
export function consentLedger(state: ConsentState, channel: string, contact: string): readonly ConsentFact[] {
  return entryIn(state, ledgerKey(channel, contact)) ?? []
}

/** A channel has no colon in it, so two different pairs never share a key. */
function ledgerKey(channel: string, contact: string): string {
  return `${channel}:${contact}`
}

function factOf(event: Extract<RecordedEvent, { type: 'contact.opted_in' | 'contact.opted_out' }>): ConsentFact {
  const { idempotencyKey, occurredAt, data } = event
  return {
    status: event.type === 'contact.opted_in' ? 'opted-in' : 'opted-out',
    occurredAt,
    idempotencyKey,
    reason: data.reason,
    ...(data.keyword === undefined ? {} : { keyword: data.keyword }),
  }
}

/** Keeps the ledger sorted, whenever a fact is heard of, and each fact in it once. */
function insert(ledger: ConsentFact[], fact: ConsentFact): void {
  const before = ledger.findLastIndex((known) => compare(known, fact) <= 0)
  if (ledger[before]?.idempotencyKey !== fact.idempotencyKey) ledger.splice(before + 1, 0, fact)
}

function compare(a: ConsentFact, b: ConsentFact): number {
  const out = (fact: ConsentFact) => Number(fact.status === 'opted-out')
  // By instant and not by its spelling, lest two spellings of one instant decide before opting out does.
  return Date.parse(a.occurredAt) - Date.parse(b.occurredAt) || out(a) - out(b) || compareFacts(a, b)
}
