import type { MessageEventOf } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import type { EventStore } from '../store/event-store.ts'
import type { Attempt } from './outbox-entry.ts'

/** What the contact's stream says that may settle an unknown outcome. */
export interface OutcomeEvidence {
  /** The provider's ids that are known to be of other messages to this contact: none of them is this one. */
  readonly others: ReadonlySet<string>
  /** The provider's own show of this message, if there is no doubt that it is this one. */
  readonly echo?: { readonly providerMessageId: string; readonly occurredAt: string }
  /**
   * Another message of ours says the same to the same contact, was attempted at about the same time, and nobody knows what became of it
   * either: what is found at the provider may be the one or the other.
   */
  readonly mistakable: boolean
}

/** So many events before the request are read first; more while these are all of the time in which messages can be mistaken. */
const LOOK_BACK = 1_000
/** A provider's queue may hold a message for some time. */
const SAME_TIME_MS = 3_600_000
/** How far the provider's clock may be behind ours. */
const CLOCKS_APART_MS = 10_000

/**
 * Reads the stream of the contact. An echo is a message that the provider shows as sent through the API, under no name of ours, that says
 * the same to the same contact since the attempt; one alone, and not mistakable.
 */
export async function evidenceOf(
  store: EventStore,
  request: MessageEventOf<'message.requested'> & RecordedEvent,
  attempt: Attempt,
): Promise<OutcomeEvidence> {
  const { messageId, streamId, version } = request
  const said = request.data.content.text
  /** Which message of ours each of the provider's is. */
  const owners = new Map<string, string>()
  const alike = new Set<string>()
  /** Those alike that were attempted, and nobody said yet what became of it. */
  const unknown = new Set<string>()
  const shown = new Map<string, string>()
  for await (const event of store.readStream(streamId, { fromVersion: await lookBackFrom(store, { streamId, version }, attempt) })) {
    const subject = event.messageId
    if (event.direction === 'inbound' || subject === undefined) continue
    if (event.type === 'message.requested' && event.data.content.text === said && subject !== messageId) alike.add(subject)
    if (event.type === 'message.attempted' && alike.has(subject) && isAbout(event, attempt)) unknown.add(subject)
    if (event.type === 'message.failed' || event.type === 'message.deferred') unknown.delete(subject)
    const { providerMessageId } = event
    if (providerMessageId === undefined || event.provider !== request.provider) continue
    if (subject !== `${event.provider}:${providerMessageId}`) {
      owners.set(providerMessageId, subject)
      unknown.delete(subject)
    } else if (event.type === 'message.sent' && isEcho(event, said, attempt)) shown.set(providerMessageId, event.occurredAt)
  }
  const others = new Set([...owners].filter(([, owner]) => owner !== messageId).map(([id]) => id))
  const mistakable = unknown.size > 0
  const [echo, second] = [...shown].filter(([id]) => !owners.has(id))
  if (!echo || second || mistakable) return { others, mistakable }
  const [providerMessageId, occurredAt] = echo
  return { others, mistakable, echo: { providerMessageId, occurredAt } }
}

/** The first version of a stream to look at: everything before it was recorded long before the attempt. */
async function lookBackFrom(store: EventStore, { streamId, version }: { streamId: string; version: number }, { startedAt }: Attempt) {
  for (let back = LOOK_BACK; version - back > 1; back *= 4) {
    for await (const { recordedAt } of store.readStream(streamId, { fromVersion: version - back })) {
      if (Date.parse(recordedAt) < startedAt - SAME_TIME_MS) return version - back
      break
    }
  }
  return 1
}

function isAbout({ occurredAt }: RecordedEvent, { startedAt }: Attempt): boolean {
  return Math.abs(Date.parse(occurredAt) - startedAt) < SAME_TIME_MS
}

function isEcho({ data, occurredAt }: MessageEventOf<'message.sent'>, said: string | undefined, { startedAt }: Attempt): boolean {
  return said !== undefined && data.origin === 'api' && data.content?.text === said && Date.parse(occurredAt) >= startedAt - CLOCKS_APART_MS
}
