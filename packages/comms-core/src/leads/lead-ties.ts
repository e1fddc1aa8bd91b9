import { compareText } from '../consumers/fact-order.ts'
import type { Projection } from '../consumers/projection.ts'
import { entryIn, setEntry, type Table } from '../consumers/table.ts'
import type { ContactAddress } from '../events/contact-address.ts'
import type { LeadMatch } from '../events/message-event.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'

/** The rule of a tie that a person made. It holds against every rule of the machine. */
export const BY_HAND = 'by-hand'

/** The latest position at which each of these was said of one contact and one lead. */
interface TieFacts {
  lead: LeadMatch
  /** Found by a rule: on one of the contact's events, or as `lead.correlated`. */
  foundAt?: Position
  handAt?: Position
  undoneAt?: Position
}

interface LinkFacts {
  linkedAt?: Position
  unlinkedAt?: Position
}

interface ContactFacts {
  address: ContactAddress
  addressAt: Position
  streams: Table<true>
  /** When an event of this contact was last recorded. */
  lastAt: string
  ties: Table<TieFacts>
  /** By the other contact's address; kept on both sides. */
  links: Table<LinkFacts>
}

/** By contact address, and which contacts each lead was ever tied to. Plain JSON. Read it with the functions below. */
export interface LeadTiesState {
  contacts: Table<ContactFacts>
  leads: Table<Table<true>>
}

/**
 * Whose address is whose: the ties of contacts to leads, and the links between addresses of one person. A tie is of an address, whatever
 * the channel. What a person said holds against what a rule found, and within each the later place in the log; an undone tie stays
 * undone until a person makes it again. The events may be fed in any order and repeatedly.
 * @example
 * const { state } = await project(store.readAll(), leadTies)
 * leadOf(state, '+33639980001')?.name
 */
export const leadTies: Projection<LeadTiesState> = {
  name: 'lead-ties',
  initial: () => ({ contacts: {}, leads: {} }),
  fold: (state, event) => {
    if (!event.contact || event.type === 'event.unreadable') return state
    const contact = enter(state, event.contact, event)
    setEntry(contact.streams, event.streamId, true)
    if (event.recordedAt > contact.lastAt) contact.lastAt = event.recordedAt
    switch (event.type) {
      case 'contact.linked':
        link(state, contact, event.data.to, event, 'linkedAt')
        break
      case 'contact.unlinked':
        link(state, contact, event.data.from, event, 'unlinkedAt')
        break
      case 'lead.uncorrelated':
        if (event.lead) tie(state, contact, event.lead, event.position, 'undoneAt')
        break
      default:
        if (event.lead) tie(state, contact, event.lead, event.position, event.lead.rule === BY_HAND ? 'handAt' : 'foundAt')
    }
    return state
  },
}

/** Names one record in one directory. */
export type LeadRef = Pick<LeadMatch, 'id' | 'type' | 'directory'>

/** Every lead in the ties that fits what is given of it. */
export function leadsLike(state: LeadTiesState, { id, directory, type }: Pick<LeadRef, 'id'> & Partial<LeadRef>): readonly LeadRef[] {
  if (directory !== undefined && type !== undefined) return [{ id, directory, type }]
  const leads = new Map<string, LeadRef>()
  for (const { ties: own } of Object.values(state.contacts)) {
    for (const { lead } of Object.values(own)) {
      if (lead.id !== id || (directory !== undefined && lead.directory !== directory)) continue
      if (type === undefined || lead.type === type) leads.set(leadKey(lead), lead)
    }
  }
  return [...leads.values()]
}

export function leadKey({ directory, type = '', id }: LeadRef): string {
  return `${directory}:${type}:${id}`
}

/** The lead of this contact: its own tie, otherwise that of an address it is linked with. `contact` is the `value` of its address. */
export function leadOf(state: LeadTiesState, contact: string): LeadMatch | undefined {
  const own = entryIn(state.contacts, contact)
  if (!own) return undefined
  return (ownTie(own) ?? bestTie(ties(state, personOf(state, contact)), own))?.lead
}

/** Whether a person has undone the tie of this contact to this lead. */
export function isUndone(state: LeadTiesState, contact: string, lead: LeadRef): boolean {
  const facts = entryIn(state.contacts, contact)
  return facts !== undefined && isRejected(facts, leadKey(lead))
}

/** Whether a person made the tie that this contact has. */
export function isByHand(state: LeadTiesState, contact: string): boolean {
  const facts = entryIn(state.contacts, contact)
  return facts !== undefined && ownTie(facts)?.handAt !== undefined
}

/** Where the last word about the ties and links of this contact stands in the log. */
export function lastSaid(state: LeadTiesState, contact: string): Position | undefined {
  const facts = entryIn(state.contacts, contact)
  const said = [...Object.values(facts?.ties ?? {}), ...Object.values(facts?.links ?? {})].flatMap(
    ({ lead: _, ...at }: Partial<TieFacts & LinkFacts>) => Object.values(at),
  )
  return said.sort(compareText).at(-1)
}

/** Every contact whose lead this is, by address, sorted. */
export function contactsOf(state: LeadTiesState, lead: LeadRef): readonly string[] {
  const key = leadKey(lead)
  const everTied = Object.keys(entryIn(state.leads, key) ?? {})
  const near = new Set(everTied.flatMap((contact) => personOf(state, contact)))
  return [...near].filter((contact) => keyIfAny(leadOf(state, contact)) === key).sort(compareText)
}

/** The addresses of one person: this one and all it is linked with, directly or through others. */
export function personOf(state: LeadTiesState, contact: string): readonly string[] {
  const seen = new Set([contact])
  for (const value of seen) {
    for (const [other, { linkedAt = '', unlinkedAt = '' }] of Object.entries(entryIn(state.contacts, value)?.links ?? {})) {
      if (linkedAt > unlinkedAt) seen.add(other)
    }
  }
  return [...seen]
}

/** The streams of these contacts, sorted. */
export function streamsOf(state: LeadTiesState, contacts: readonly string[]): readonly string[] {
  return contacts.flatMap((contact) => Object.keys(entryIn(state.contacts, contact)?.streams ?? {})).sort(compareText)
}

function keyIfAny(lead: LeadMatch | undefined): string | undefined {
  return lead && leadKey(lead)
}

function enter(state: LeadTiesState, address: ContactAddress, { position }: RecordedEvent): ContactFacts {
  const known = entryIn(state.contacts, address.value)
  if (known) {
    // Of several spellings the latest is kept, whenever it is heard of.
    if (position > known.addressAt) Object.assign(known, { address, addressAt: position })
    return known
  }
  const fresh: ContactFacts = { address, addressAt: position, streams: {}, lastAt: '', ties: {}, links: {} }
  setEntry(state.contacts, address.value, fresh)
  return fresh
}

function link(state: LeadTiesState, contact: ContactFacts, other: ContactAddress, event: RecordedEvent, at: keyof LinkFacts): void {
  const peer = enter(state, other, event)
  if (peer === contact) return
  for (const [from, to] of [
    [contact, peer.address.value],
    [peer, contact.address.value],
  ] as const) {
    const facts = entryIn(from.links, to) ?? {}
    facts[at] = later(facts[at], event.position)
    setEntry(from.links, to, facts)
  }
}

function tie(
  state: LeadTiesState,
  contact: ContactFacts,
  lead: LeadMatch,
  position: Position,
  at: 'foundAt' | 'handAt' | 'undoneAt',
): void {
  const key = leadKey(lead)
  const facts = entryIn(contact.ties, key)
  if (!facts) setEntry(contact.ties, key, { lead, [at]: position })
  else {
    // The newest description of the tie, but never that of an undoing.
    const newest = later(later(facts.foundAt, facts.handAt ?? ''), '')
    if (at === 'undoneAt' ? newest === '' && position > (facts.undoneAt ?? '') : position > newest) facts.lead = lead
    facts[at] = later(facts[at], position)
  }
  const tied = entryIn(state.leads, key) ?? {}
  setEntry(tied, contact.address.value, true)
  setEntry(state.leads, key, tied)
}

function later(a: Position | undefined, b: Position): Position {
  return a === undefined || b > a ? b : a
}

/** The tie that holds, the contact's links left out. */
function ownTie(facts: ContactFacts): TieFacts | undefined {
  return bestTie(Object.values(facts.ties), facts)
}

function bestTie(all: readonly TieFacts[], { ties: own }: ContactFacts): TieFacts | undefined {
  let best: TieFacts | undefined
  for (const candidate of all) {
    if (!isRejected({ ties: own }, leadKey(candidate.lead)) && standing(candidate) && (!best || beats(candidate, best))) best = candidate
  }
  return best
}

function isRejected({ ties: own }: Pick<ContactFacts, 'ties'>, key: string): boolean {
  const { undoneAt, handAt = '' } = entryIn(own, key) ?? {}
  return undoneAt !== undefined && undoneAt > handAt
}

function standing({ foundAt, handAt, undoneAt = '' }: TieFacts): boolean {
  return (handAt ?? '') > undoneAt || (foundAt !== undefined && undoneAt === '')
}

function beats(a: TieFacts, b: TieFacts): boolean {
  if ((a.handAt === undefined) !== (b.handAt === undefined)) return a.handAt !== undefined
  return (a.handAt ?? a.foundAt ?? '') > (b.handAt ?? b.foundAt ?? '')
}

/** What holds for each of these by itself. */
function ties(state: LeadTiesState, contacts: readonly string[]): readonly TieFacts[] {
  return contacts.flatMap((contact) => {
    const facts = entryIn(state.contacts, contact)
    return (facts && ownTie(facts)) ?? []
  })
}
