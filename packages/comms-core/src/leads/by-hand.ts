import { entryIn } from '../consumers/table.ts'
import { CommsError } from '../errors.ts'
import type { ContactAddress } from '../events/contact-address.ts'
import { idempotencyKey } from '../events/idempotency-key.ts'
import type { EventFact, LeadMatch } from '../events/message-event.ts'
import { createEvent, streamIdOf } from '../events/recorded-event.ts'
import type { Clock, IdSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import type { LeadBook } from './lead-book.ts'
import { BY_HAND, isByHand, isUndone, type LeadRef, type LeadTiesState, lastSaid, leadKey, leadOf } from './lead-ties.ts'

/** What a person decides about a contact. */
export interface DecisionOptions {
  /** Who decided, such as a user's id. Kept in the event. */
  readonly by: string
  /** The channel in whose stream it is recorded; needed for a contact that the log does not know yet. @default the contact's own */
  readonly channel?: string
}

interface DecisionRuntime {
  readonly store: EventStore
  readonly book: LeadBook
  readonly clock: Clock
  readonly ids: IdSource
}

/** Ties a contact to a lead, whatever the directory says. Nothing is recorded when a person has tied the two already. */
export async function correlateByHand(
  runtime: DecisionRuntime,
  contact: ContactAddress,
  lead: LeadRef & Pick<LeadMatch, 'name'>,
  options: DecisionOptions,
): Promise<void> {
  const { book } = runtime
  await book.refresh()
  const now = leadOf(book.state, contact.value)
  if (now && leadKey(now) === leadKey(lead) && isByHand(book.state, contact.value)) return
  const match: LeadMatch = { ...lead, rule: BY_HAND, certainty: 'certain' }
  const key = decisionKey('correlated', book.state, contact, leadKey(lead))
  await record(runtime, contact, options, (envelope) => ({
    ...envelope,
    type: 'lead.correlated',
    idempotencyKey: key,
    lead: match,
    data: { by: options.by },
  }))
}

/** Undoes the tie of a contact to a lead. It stays undone until a person ties the two again. Nothing is recorded when it is undone already. */
export async function uncorrelateByHand(
  runtime: DecisionRuntime,
  contact: ContactAddress,
  lead: LeadRef,
  { reason, ...options }: DecisionOptions & { readonly reason?: string },
): Promise<void> {
  const { book } = runtime
  await book.refresh()
  if (isUndone(book.state, contact.value, lead)) return
  const match: LeadMatch = { ...lead, rule: BY_HAND, certainty: 'certain' }
  const key = decisionKey('uncorrelated', book.state, contact, leadKey(lead))
  await record(runtime, contact, options, (envelope) => ({
    ...envelope,
    type: 'lead.uncorrelated',
    idempotencyKey: key,
    lead: match,
    data: { leadId: lead.id, by: options.by, ...(reason === undefined ? {} : { reason }) },
  }))
}

/** Says that two addresses are one person, or no longer. Nothing is recorded when the log says so already. */
export async function linkByHand(
  runtime: DecisionRuntime,
  contact: ContactAddress,
  other: ContactAddress,
  { linked, ...options }: DecisionOptions & { readonly linked: boolean },
): Promise<void> {
  const { book } = runtime
  await book.refresh()
  const { linkedAt = '', unlinkedAt = '' } = entryIn(entryIn(book.state.contacts, contact.value)?.links ?? {}, other.value) ?? {}
  if (linked === linkedAt > unlinkedAt) return
  const key = decisionKey(linked ? 'linked' : 'unlinked', book.state, contact, other.value)
  await record(runtime, contact, options, (envelope) => ({
    ...envelope,
    idempotencyKey: key,
    ...(linked
      ? { type: 'contact.linked', data: { to: other, reason: `${BY_HAND}: ${options.by}` } }
      : { type: 'contact.unlinked', data: { from: other, reason: `${BY_HAND}: ${options.by}` } }),
  }))
}

/** Two who decide the same on the same ground record it once. */
export function decisionKey(kind: string, state: LeadTiesState, { value }: ContactAddress, subject: string): string {
  return idempotencyKey(kind, value, subject, 'after', lastSaid(state, value) ?? 'nothing')
}

interface Envelope {
  readonly channel: string
  readonly provider: string
  readonly contact: ContactAddress
  readonly occurredAtSource: 'local'
}

async function record(
  { store, book, clock, ids }: DecisionRuntime,
  contact: ContactAddress,
  { channel = channelOf(book.state, contact) }: DecisionOptions,
  factOf: (envelope: Envelope) => EventFact,
): Promise<void> {
  if (channel === undefined) {
    throw new CommsError('event_invalid', `${contact.value} is not in the log yet: expected a channel for the stream that it begins`)
  }
  const event = createEvent(factOf({ channel, provider: 'comms', contact, occurredAtSource: 'local' }), { clock, ids })
  await store.append([{ streamId: streamIdOf(event), events: [event] }])
  await book.refresh()
}

/** Of the streams of a contact the first by name: the same for everybody. */
export function channelOf(state: LeadTiesState, { value }: ContactAddress): string | undefined {
  const own = Object.keys(entryIn(state.contacts, value)?.streams ?? {}).sort()[0]
  return own?.slice(0, own.indexOf(':'))
}
