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
}

/** Behind so many events before the request nothing is left of the minutes in which messages can be mistaken for each other. */
const LOOK_BACK = 1_000
/** How far the provider's clock may be behind ours. */
const CLOCKS_APART_MS = 10_000

/**
 * Reads the stream of the contact. An echo is a message that the provider shows as sent through the API, under no name of ours, that says
 * the same to the same contact since the attempt; two of them, or another message of ours that says the same and whose outcome is not
 * known either, could be mistaken for each other.
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
  const asked = new Set<string>()
  const alike = new Set<string>()
  const shown = new Map<string, string>()
  for await (const event of store.readStream(streamId, { fromVersion: Math.max(1, version - LOOK_BACK) })) {
    if (event.direction === 'inbound' || event.messageId === undefined) continue
    if (event.type === 'message.requested' && said !== undefined && event.data.content.text === said) asked.add(event.messageId)
    if (event.type === 'message.attempted' && asked.has(event.messageId)) alike.add(event.messageId)
    if (event.type === 'message.failed') alike.delete(event.messageId)
    const { providerMessageId } = event
    if (providerMessageId === undefined || event.provider !== request.provider) continue
    if (event.messageId !== `${event.provider}:${providerMessageId}`) owners.set(providerMessageId, event.messageId)
    else if (event.type === 'message.sent' && isEcho(event, said, attempt)) shown.set(providerMessageId, event.occurredAt)
  }
  for (const owner of owners.values()) alike.delete(owner)
  alike.delete(messageId)
  const others = new Set([...owners].filter(([, owner]) => owner !== messageId).map(([id]) => id))
  const [echo, second] = [...shown].filter(([id]) => !owners.has(id))
  if (!echo || second || alike.size > 0) return { others }
  const [providerMessageId, occurredAt] = echo
  return { others, echo: { providerMessageId, occurredAt } }
}

function isEcho({ data, occurredAt }: MessageEventOf<'message.sent'>, said: string | undefined, { startedAt }: Attempt): boolean {
  return said !== undefined && data.origin === 'api' && data.content?.text === said && Date.parse(occurredAt) >= startedAt - CLOCKS_APART_MS
}
