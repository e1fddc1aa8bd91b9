import { type DeliveryState, deliveryOf, deliveryStatus } from '../consumers/delivery-status.ts'
import type { MessageEventOf } from '../events/message-event.ts'
import { mayBeOneRecipient, type ProviderName, reportName, requestKey } from '../events/message-names.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import type { EventStore } from '../store/event-store.ts'
import { fallbackId } from './outbox-facts.ts'
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

type Request = MessageEventOf<'message.requested'> & RecordedEvent

/**
 * A message that was asked for, by our id of it; nothing for an unknown one. Costs one look-up, the reading of its contact's stream from
 * the request on, and of the stream of its early reports: see `attachReports`.
 */
export async function reportMessage(store: EventStore, messageId: string): Promise<MessageReport | undefined> {
  const request = await store.find(requestKey(messageId))
  if (request?.type !== 'message.requested') return undefined
  const [{ events, provided }, next] = await Promise.all([eventsAbout(request, store), fallbackOf(request, store)])
  let state = deliveryStatus.initial()
  for (const event of events) state = deliveryStatus.fold(state, event)
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
    ...(next === undefined ? {} : { next }),
  }
}

/** The events about a message in all streams, and the provider's names of it. */
async function eventsAbout(request: Request, store: EventStore) {
  const { messageId, streamId, provider, account, version } = request
  const stream: RecordedEvent[] = []
  for await (const event of store.readStream(streamId, { fromVersion: version })) stream.push(event)
  const provided = new Set<string>()
  const learn = (events: readonly RecordedEvent[]) => {
    for (const event of events)
      if (event.messageId === messageId && event.providerMessageId !== undefined) provided.add(event.providerMessageId)
  }
  learn(stream)
  const early = await earlyReports(messageId, store)
  learn(early)
  const named = await Promise.all([...provided].map((providerMessageId) => earlyReports({ provider, account, providerMessageId }, store)))

  // Reports may come before we know the provider's name of the message, but never before the request.
  const isAbout = (event: RecordedEvent) =>
    event.messageId === messageId ||
    (event.provider === provider && event.providerMessageId !== undefined && provided.has(event.providerMessageId)) ||
    (event.messageId?.startsWith(`${provider}:`) === true && provided.has(event.messageId.slice(provider.length + 1)))
  const elsewhere = [...early, ...named.flat()].filter((event) => event.contact && mayBeOneRecipient(event.contact, request.contact))
  const events = new Map<string, RecordedEvent>()
  for (const event of [...stream.filter(isAbout), ...elsewhere]) events.set(event.position, event)
  return { events: [...events.values()].sort((a, b) => (a.position < b.position ? -1 : 1)), provided }
}

/** The reports that came when the message was not known by this name, in the streams of other addresses too. */
async function earlyReports(name: ProviderName | string, store: EventStore): Promise<readonly RecordedEvent[]> {
  const keys: string[] = []
  for await (const event of store.readStream(`report:${await reportName(name)}`)) {
    if (event.type === 'report.filed') keys.push(event.data.reportKey)
  }
  const found = await Promise.all(keys.map((key) => store.find(key)))
  return found.filter((event) => event !== undefined)
}

/** The message that stands in for this one, once it is asked for. */
async function fallbackOf({ messageId, data }: Request, store: EventStore): Promise<string | undefined> {
  if (!data.fallback || data.fallback.length === 0) return undefined
  const next = fallbackId(messageId)
  return (await store.find(requestKey(next))) ? next : undefined
}
