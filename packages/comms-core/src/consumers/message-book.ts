import type { MessageEvent } from '../events/message-event.ts'
import { compareText } from './fact-order.ts'
import { entryIn, setEntry, type Table } from './table.ts'

/** What an event calls a message: our id, the provider's, or both. */
export interface MessageNames {
  readonly messageId?: string | undefined
  /** `provider:providerMessageId`. */
  readonly providerKey?: string | undefined
}

/** What is known of one message, and all its names, each list sorted. */
export interface BookEntry<Facts> {
  messageIds: string[]
  providerKeys: string[]
  facts: Facts
}

/**
 * One entry for each message, under whichever name it is spoken of. A callback may know only the provider's id, and the event that ties
 * it to ours may come later: both names then have an entry, and the two become one when the tie is learnt. So the book depends on which
 * events were entered, never on their order.
 *
 * An entry is kept under our own id, the first by code unit when there are several; without one, under the provider's.
 */
export interface MessageBook<Facts> {
  messages: Table<BookEntry<Facts>>
  /** Every other name of a message, and the name it is kept under. */
  aliases: Table<string>
}

/** How the facts of one message start, and how those of two entries that turn out to be one message become one. */
export interface FactsOf<Facts> {
  blank(): Facts
  /** Adds the second to the first. */
  merge(into: Facts, other: Facts): void
}

export function emptyBook<Facts>(): MessageBook<Facts> {
  return { messages: {}, aliases: {} }
}

/** The names in the envelope of an event about a message. */
export function namesOf(event: Pick<MessageEvent, 'provider' | 'messageId' | 'providerMessageId'>): MessageNames {
  const { provider, messageId, providerMessageId } = event
  return { messageId, providerKey: providerMessageId === undefined ? undefined : `${provider}:${providerMessageId}` }
}

/** The entry of the message that has this name, if any. */
export function lookUp<Facts>(book: MessageBook<Facts>, name: string): BookEntry<Facts> | undefined {
  return entryIn(book.messages, name) ?? entryIn(book.messages, entryIn(book.aliases, name) ?? name)
}

/** The facts of the message with these names, to write in. Makes the entry when it is new, and joins entries that the names tie. */
export function enter<Facts>(book: MessageBook<Facts>, names: MessageNames, { blank, merge }: FactsOf<Facts>): Facts {
  const { messageId, providerKey } = names
  const known = messageId === undefined ? undefined : lookUp(book, messageId)
  const other = providerKey === undefined ? undefined : lookUp(book, providerKey)
  const entry = known ?? other ?? { messageIds: [], providerKeys: [], facts: blank() }
  const joins = other !== undefined && other !== entry
  const learns =
    (messageId !== undefined && !entry.messageIds.includes(messageId)) ||
    (providerKey !== undefined && !entry.providerKeys.includes(providerKey))
  if (!joins && !learns) return entry.facts

  if (entry.messageIds.length + entry.providerKeys.length > 0) delete book.messages[nameOf(entry)]
  if (joins) {
    delete book.messages[nameOf(other)]
    merge(entry.facts, other.facts)
  }
  entry.messageIds = sorted([...entry.messageIds, ...(joins ? other.messageIds : []), messageId])
  entry.providerKeys = sorted([...entry.providerKeys, ...(joins ? other.providerKeys : []), providerKey])
  const name = nameOf(entry)
  for (const alias of [...entry.messageIds, ...entry.providerKeys]) setEntry(book.aliases, alias, name)
  delete book.aliases[name]
  setEntry(book.messages, name, entry)
  return entry.facts
}

/** The name an entry is kept under. */
export function nameOf({ messageIds, providerKeys }: BookEntry<unknown>): string {
  return messageIds.find((id) => !providerKeys.includes(id)) ?? (providerKeys[0] as string)
}

function sorted(names: readonly (string | undefined)[]): string[] {
  return [...new Set(names.filter((name) => name !== undefined))].sort(compareText)
}
