import type { ContactAddress } from '../events/contact-address.ts'
import type { MessageContent } from '../events/message-content.ts'
import type { MessageEventOf } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { compareInstants, compareText } from './fact-order.ts'
import { emptyBook, enter, type FactsOf, type MessageBook, nameOf, namesOf } from './message-book.ts'
import type { Projection } from './projection.ts'
import { entryIn, setEntry, type Table } from './table.ts'

/** When a change was made and where it stands in the stream. The latest one holds; the log decides between two of the same instant. */
interface Change {
  readonly occurredAt: string
  readonly version: number
}

/** What the log says of one message, in the words of its events. */
interface MessageFacts {
  /** The first event that shows the message; absent while only changes to it are known. */
  first?: Change & { readonly direction: 'inbound' | 'outbound'; readonly author?: ContactAddress }
  content?: { readonly version: number; readonly value: MessageContent }
  edit?: Change & { readonly text?: string; readonly caption?: string }
  deleted?: boolean
  /** By who reacted. */
  reactions: Table<Change & { readonly emoji: string }>
}

interface StreamFacts {
  book: MessageBook<MessageFacts>
  lastActivityAt?: string
}

/** By stream. Plain JSON. Read it with {@link conversationOf}. */
export type ConversationsState = Table<StreamFacts>

/**
 * What was said in each stream. Edits, deletions and reactions are applied to their message even when they were recorded before it. The
 * events may be fed in any order and repeatedly: the order shown is that of the stream's versions.
 * @example
 * const { state } = await project(store.readStream('whatsapp:+33639980001'), conversations)
 * conversationOf(state, 'whatsapp:+33639980001').messages.at(-1)?.content.text
 */
export const conversations: Projection<ConversationsState> = {
  name: 'conversations',
  initial: () => ({}),
  fold: (state, event) => {
    if (!event.type.startsWith('message.')) return state
    let stream = entryIn(state, event.streamId)
    if (!stream) {
      stream = { book: emptyBook() }
      setEntry(state, event.streamId, stream)
    }
    if (write(enter(stream.book, subjectOf(event), facts), event)) {
      const { lastActivityAt } = stream
      if (lastActivityAt === undefined || compareInstants(event.occurredAt, lastActivityAt) > 0) stream.lastActivityAt = event.occurredAt
    }
    return state
  },
}

/** The message an event is about: a change names the earlier message, everything else itself. */
function subjectOf(event: RecordedEvent) {
  if (event.type === 'message.edited' || event.type === 'message.deleted' || event.type === 'message.reacted') {
    return { providerKey: `${event.provider}:${event.data.target.providerMessageId}` }
  }
  return namesOf(event)
}

/** Whether the event is something said or done in the conversation; delivery states only teach names. */
function write(known: MessageFacts, event: RecordedEvent): boolean {
  const { occurredAt, version } = event
  switch (event.type) {
    case 'message.received': {
      const { author, contactName: _, ...content } = event.data
      keepFirst(known, { occurredAt, version, direction: 'inbound', ...(author ? { author } : {}) })
      keepContent(known, { version, value: content })
      return true
    }
    case 'message.requested':
    case 'message.sent':
      // A provider's report that an API message was sent shows no message: it may be of one in another stream.
      if (event.type === 'message.sent' && event.data.origin === 'api' && !event.data.content) return false
      keepFirst(known, { occurredAt, version, direction: 'outbound' })
      if (event.data.content) keepContent(known, { version, value: event.data.content })
      return true
    case 'message.edited': {
      const { text, caption } = event.data
      keepEdit(known, { occurredAt, version, ...(text === undefined ? {} : { text }), ...(caption === undefined ? {} : { caption }) })
      return true
    }
    case 'message.deleted':
      known.deleted = true
      return true
    case 'message.reacted':
      keepReaction(known, reactorOf(event), { occurredAt, version, emoji: event.data.emoji })
      return true
    default:
      return false
  }
}

const facts: FactsOf<MessageFacts> = {
  blank: () => ({ reactions: {} }),
  merge: (into, other) => {
    if (other.first) keepFirst(into, other.first)
    if (other.content) keepContent(into, other.content)
    if (other.edit) keepEdit(into, other.edit)
    if (other.deleted) into.deleted = true
    for (const [by, reaction] of Object.entries(other.reactions)) keepReaction(into, by, reaction)
  },
}

function keepFirst(known: MessageFacts, first: NonNullable<MessageFacts['first']>): void {
  if (!known.first || first.version < known.first.version) known.first = first
}

function keepContent(known: MessageFacts, content: NonNullable<MessageFacts['content']>): void {
  if (!known.content || content.version < known.content.version) known.content = content
}

function keepEdit(known: MessageFacts, edit: NonNullable<MessageFacts['edit']>): void {
  if (!known.edit || isLater(edit, known.edit)) known.edit = edit
}

function keepReaction(known: MessageFacts, by: string, reaction: Change & { readonly emoji: string }): void {
  const before = entryIn(known.reactions, by)
  if (!before || isLater(reaction, before)) setEntry(known.reactions, by, reaction)
}

function reactorOf({ data, direction, contact, endpoint }: MessageEventOf<'message.reacted'>): string {
  return (data.author ?? (direction === 'outbound' ? endpoint : contact))?.value ?? 'us'
}

function isLater(a: Change, b: Change): boolean {
  return (Date.parse(a.occurredAt) - Date.parse(b.occurredAt) || a.version - b.version) > 0
}

export interface Conversation {
  readonly streamId: string
  /** In the order of the log. */
  readonly messages: readonly ConversationMessage[]
  /** The latest `occurredAt` of a message or a change to one; absent when there is none. */
  readonly lastActivityAt?: string
  /** How many of the messages came in, deleted ones included. */
  readonly inbound: number
  /** How many of them we sent or were asked to send. */
  readonly outbound: number
}

export interface ConversationMessage {
  /** Ours; `provider:providerMessageId` for what we did not send through here. */
  readonly messageId: string
  /** Place in the stream of the first event about it. */
  readonly version: number
  readonly occurredAt: string
  readonly direction: 'inbound' | 'outbound'
  /** Who wrote it, in a group. */
  readonly author?: ContactAddress
  /** As edited last. Empty when it was deleted: its author took it back; the log still has it. */
  readonly content: MessageContent
  readonly edited: boolean
  readonly deleted: boolean
  /** One for each party that has not taken its reaction back. `by` is an address, or `us`. */
  readonly reactions: readonly { readonly by: string; readonly emoji: string }[]
}

/** What was said in this stream. An unknown stream is an empty conversation. */
export function conversationOf(state: ConversationsState, streamId: string): Conversation {
  const stream = entryIn(state, streamId)
  const messages = Object.values(stream?.book.messages ?? {})
    .flatMap((entry) => (entry.facts.first ? [shown(nameOf(entry), entry.facts.first, entry.facts)] : []))
    .sort((a, b) => a.version - b.version)
  const inbound = messages.filter(({ direction }) => direction === 'inbound').length
  const counted = { streamId, messages, inbound, outbound: messages.length - inbound }
  return stream?.lastActivityAt === undefined ? counted : { ...counted, lastActivityAt: stream.lastActivityAt }
}

function shown(messageId: string, first: NonNullable<MessageFacts['first']>, known: MessageFacts): ConversationMessage {
  const reactions = Object.entries(known.reactions)
    .filter(([, { emoji }]) => emoji !== '')
    .map(([by, { emoji }]) => ({ by, emoji }))
    .sort((a, b) => compareText(a.by, b.by))
  const content = known.deleted ? {} : edited(known.content?.value ?? {}, known.edit)
  return { messageId, ...first, content, edited: known.edit !== undefined, deleted: known.deleted === true, reactions }
}

function edited(content: MessageContent, edit: MessageFacts['edit']): MessageContent {
  const text = edit?.text === undefined ? {} : { text: edit.text }
  const caption = edit?.caption
  if (caption === undefined || !content.media) return { ...content, ...text }
  return { ...content, ...text, media: content.media.map((file, index) => (index === 0 ? { ...file, caption } : file)) }
}
