import { type DeliveryState, deliveryOf, deliveryStatus } from '../consumers/delivery-status.ts'
import { idempotencyKey } from '../events/idempotency-key.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import type { EventStore } from '../store/event-store.ts'
import type { MessageStatus } from './send.ts'

/** What the log says of one message of ours. */
export interface MessageReport extends MessageStatus {
  readonly streamId: string
  readonly channel: string
  /** When each state was first reached. */
  readonly since: Readonly<Partial<Record<DeliveryState, string>>>
  /** The events about it, in the order of the log. */
  readonly events: readonly RecordedEvent[]
}

/** A message that was asked for, by our id of it; nothing for an unknown one. Costs one look-up and the reading of its contact's stream. */
export async function reportMessage(store: EventStore, messageId: string): Promise<MessageReport | undefined> {
  const request = await store.find(idempotencyKey('request', messageId))
  if (request?.type !== 'message.requested') return undefined
  let state = deliveryStatus.initial()
  const stream: RecordedEvent[] = []
  for await (const event of store.readStream(request.streamId, { fromVersion: request.version })) {
    state = deliveryStatus.fold(state, event)
    stream.push(event)
  }
  // Callbacks may have come before we knew the provider's name of the message, but never before the request.
  const provided = new Set(
    stream.flatMap((event) => (event.messageId === messageId && event.providerMessageId ? [event.providerMessageId] : [])),
  )
  const events = stream.filter(
    (event) =>
      event.messageId === messageId ||
      (event.provider === request.provider && event.providerMessageId !== undefined && provided.has(event.providerMessageId)),
  )
  const { status = 'requested', since = {}, failure } = deliveryOf(state, messageId) ?? {}
  const [providerMessageId] = provided
  return {
    messageId,
    streamId: request.streamId,
    channel: request.channel,
    status,
    since,
    events,
    ...(providerMessageId === undefined ? {} : { providerMessageId }),
    ...(failure ? { failure: failure.error as NonNullable<MessageStatus['failure']> } : {}),
  }
}
