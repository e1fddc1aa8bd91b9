import type { ContactAddress } from '../events/contact-address.ts'
import type { MessageContent } from '../events/message-content.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { compareInstants, compareText } from './fact-order.ts'
import type { Projection } from './projection.ts'
import { markSeen, type SeenVersions } from './seen-versions.ts'
import { entryIn, setEntry, type Table } from './table.ts'

/** A conversation as a list shows it. */
export interface ConversationSummary {
  readonly streamId: string
  readonly channel: string
  readonly contact: ContactAddress
  /** The latest `occurredAt` of a message. */
  readonly lastActivityAt: string
  /** How many messages came in. */
  readonly inbound: number
  /** How many messages we were asked to send, or staff typed on the phone. */
  readonly outbound: number
  /** The beginning of the newest message, as edited since; absent when it has no words or was taken back. */
  readonly lastText?: string
  readonly lastDirection: 'inbound' | 'outbound'
}

/** Of each stream what the list shows, and never the messages themselves: its size depends on the contacts alone. */
interface Listed {
  readonly channel: string
  contact: ContactAddress
  inbound: number
  outbound: number
  seen: SeenVersions
  last: LastMessage
}

interface LastMessage {
  readonly occurredAt: string
  readonly version: number
  readonly direction: 'inbound' | 'outbound'
  readonly messageId: string
  providerMessageId?: string
  text?: string
}

/** By stream. Plain JSON. Read it with {@link conversationList}. */
export type ConversationListState = Table<Listed>

/** Enough for a line on a screen. */
const MAX_CHARACTERS = 200

/**
 * Who talks with us, and what was said last. An event that is fed again changes nothing. Feed it in the order of the log: an edit or a
 * deletion is applied to the newest message alone.
 * @example
 * const { state } = await project(store.readAll(), conversationsByContact)
 * conversationList(state, { limit: 20 })[0]?.lastText
 */
export const conversationsByContact: Projection<ConversationListState> = {
  name: 'conversations-by-contact',
  initial: () => ({}),
  fold: (state, event) => {
    if (!event.type.startsWith('message.') || !event.contact) return state
    const listed = entryIn(state, event.streamId)
    const message = messageIn(event)
    if (!listed) {
      if (message) setEntry(state, event.streamId, begin(event, event.contact, message))
      return state
    }
    if (!markSeen(listed.seen, event.version)) return state
    if (!message) change(listed.last, event)
    else {
      listed[message.direction] += 1
      if (compareInstants(message.occurredAt, listed.last.occurredAt) >= 0) {
        listed.last = message
        listed.contact = event.contact
      }
    }
    return state
  },
}

/** The newest conversations first. @param limit how many at most; @default 50 */
export function conversationList(state: ConversationListState, { limit = 50 }: { readonly limit?: number } = {}): ConversationSummary[] {
  const byTime = Object.entries(state).map(([streamId, listed]) => ({ streamId, listed, time: Date.parse(listed.last.occurredAt) }))
  byTime.sort((a, b) => b.time - a.time || compareText(a.streamId, b.streamId))
  return byTime.slice(0, limit).map(({ streamId, listed: { channel, contact, inbound, outbound, last } }) => ({
    streamId,
    channel,
    contact,
    lastActivityAt: last.occurredAt,
    inbound,
    outbound,
    lastDirection: last.direction,
    ...(last.text === undefined ? {} : { lastText: last.text }),
  }))
}

function begin({ channel, version }: RecordedEvent, contact: ContactAddress, last: LastMessage): Listed {
  const seen: SeenVersions = []
  markSeen(seen, version)
  return { channel, contact, inbound: Number(last.direction === 'inbound'), outbound: Number(last.direction === 'outbound'), seen, last }
}

/** The message that an event is the first to tell of. What the provider shows of our own sending is none. */
function messageIn(event: RecordedEvent): LastMessage | undefined {
  switch (event.type) {
    case 'message.received':
      return message(event, 'inbound', event.messageId, event.data)
    case 'message.requested':
      return message(event, 'outbound', event.messageId, event.data.content)
    case 'message.sent':
      return event.data.origin === 'device' && event.data.content
        ? message(event, 'outbound', event.messageId, event.data.content)
        : undefined
    default:
      return undefined
  }
}

function message(
  { occurredAt, version, providerMessageId }: RecordedEvent,
  direction: LastMessage['direction'],
  messageId: string,
  content: MessageContent,
): LastMessage {
  const text = content.text ?? content.subject ?? content.media?.find(({ caption }) => caption)?.caption
  return {
    occurredAt,
    version,
    direction,
    messageId,
    ...(providerMessageId === undefined ? {} : { providerMessageId }),
    ...(text === undefined ? {} : { text: beginningOf(text) }),
  }
}

/** What happens later to the newest message. */
function change(last: LastMessage, event: RecordedEvent): void {
  if (event.type === 'message.edited' || event.type === 'message.deleted') {
    if (last.providerMessageId === undefined || event.data.target.providerMessageId !== last.providerMessageId) return
    if (event.type === 'message.deleted') delete last.text
    else {
      const text = event.data.text ?? event.data.caption
      if (text !== undefined) last.text = beginningOf(text)
    }
  } else if (event.messageId === last.messageId && event.providerMessageId !== undefined) {
    last.providerMessageId = event.providerMessageId
  }
}

/** Not in the middle of a character. */
function beginningOf(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
