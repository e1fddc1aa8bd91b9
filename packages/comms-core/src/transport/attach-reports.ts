import type { EventFact, NewEvent } from '../events/message-event.ts'
import { mayBeOneRecipient, type ProviderName, reportName, requestKey, sentKey, shortDigest } from '../events/message-names.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import { type Sleep, timeLimit } from '../pause.ts'
import type { Clock, IdSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'

export interface AttachOptions {
  readonly store: EventStore
  readonly clock: Pick<Clock, 'now'>
  readonly ids: IdSource
  readonly sleep?: Sleep
}

/** A store that answers slower than this is not waited for: the report is filed as one of an unknown message. */
const FIND_LIMIT_MS = 1_000

/** What a provider reports about a message that was sent. */
const REPORTS: ReadonlySet<string> = new Set([
  'message.sent',
  'message.in_transit',
  'message.delivered',
  'message.read',
  'message.failed',
  'message.deferred',
  'message.uncertain',
])

/**
 * Files each report on a message of ours in the stream of its request, under our `messageId`, whichever address the provider names: a
 * privacy id, a Brazilian number without its 9, a mailbox behind a forward. That address stays in `data.recipient`.
 *
 * A report whose message is not known (yet) stays in the stream of the address it names, and a `report.filed` goes into the log before it,
 * in a stream that depends on the name of the message alone. So `message(id)` finds the report from both sides: a report that overtakes
 * the answer of the send call, or a crash between the two, changes nothing, and neither does another process that records
 * `message.sent` at this moment. Nothing is read or written for messages that come in or were typed on the phone.
 *
 * Costs one `find` for each report. Never throws on account of the store.
 */
export async function attachReports(
  events: readonly NewEvent[],
  account: string | undefined,
  options: AttachOptions,
): Promise<readonly NewEvent[]> {
  if (!events.some(isReport)) return events
  const attached = await Promise.all(events.map((event) => (isReport(event) ? attach(event, account, options) : unchanged(event))))
  // The pointers go first: a report that is in the log is never there without its pointer.
  return [...attached.flatMap(({ pointer }) => pointer ?? []), ...attached.map(({ event }) => event)]
}

interface Attached {
  readonly event: NewEvent
  readonly pointer?: NewEvent
}

function unchanged(event: NewEvent): Attached {
  return { event }
}

function isReport(event: NewEvent): boolean {
  if (event.direction !== 'outbound' || !REPORTS.has(event.type)) return false
  // What staff typed on the phone is no message of ours.
  if (event.type === 'message.sent') return event.data.origin !== 'device'
  return !('byApi' in event.data && event.data.byApi === false)
}

async function attach(event: NewEvent, account: string | undefined, options: AttachOptions): Promise<Attached> {
  const byProvider = providerName(event, account)
  const ownId = event.messageId === `${event.provider}:${byProvider?.providerMessageId}` ? undefined : event.messageId
  const key = ownId === undefined ? byProvider && sentKey(byProvider) : requestKey(ownId)
  if (key === undefined) return unchanged(event)
  const found = await findInTime(key, options)
  // A name that is neither the provider's nor that of a request is of a copy, or of another system: no message of ours.
  if (ownId !== undefined && found === 'none') return unchanged(event)
  if (typeof found === 'object') {
    if (found.contact && event.contact && !mayBeOneRecipient(found.contact, event.contact)) return unchanged(event)
    const filed = underRequest(event, found)
    if (filed) return { event: filed }
  }
  return { event, pointer: await pointerTo(event, ownId ?? (byProvider as ProviderName), options) }
}

/** The report as one of the request's stream; nothing when it cannot be of that stream. */
function underRequest(event: NewEvent, known: RecordedEvent): NewEvent | undefined {
  const { messageId, contact } = known
  if (messageId === undefined || !contact || !event.contact) return undefined
  if (event.contact.value === contact.value) {
    const named = { ...event, messageId } as NewEvent
    return streamIdOf(named) === known.streamId ? named : undefined
  }
  const data = { recipient: event.contact, ...event.data }
  const filed = { ...event, messageId, contact, data } as NewEvent
  return streamIdOf(filed) === known.streamId ? filed : undefined
}

async function pointerTo(event: NewEvent, name: ProviderName | string, options: AttachOptions): Promise<NewEvent> {
  const { channel, provider, account, messageId, providerMessageId, occurredAt, idempotencyKey: reportKey } = event
  const fact: EventFact = {
    type: 'report.filed',
    idempotencyKey: `report-filed:${await shortDigest(reportKey)}`,
    channel,
    provider,
    ...(account === undefined ? {} : { account }),
    occurredAt,
    occurredAtSource: 'local',
    data: {
      name: await reportName(name),
      streamId: streamIdOf(event),
      reportKey,
      ...(messageId === undefined ? {} : { messageId }),
      ...(providerMessageId === undefined ? {} : { providerMessageId }),
    },
  }
  return createEvent(fact, options)
}

/** `unknown`: the store did not answer. */
async function findInTime(key: string, { store, sleep }: AttachOptions): Promise<RecordedEvent | 'none' | 'unknown'> {
  const limit = timeLimit(FIND_LIMIT_MS, undefined, sleep)
  const late = new Promise<'unknown'>((resolve) => limit.signal.addEventListener('abort', () => resolve('unknown')))
  const found = (async () => (await store.find(key)) ?? ('none' as const))().catch(() => 'unknown' as const)
  try {
    return await Promise.race([found, late])
  } finally {
    limit.end()
  }
}

function providerName({ provider, account, messageId, providerMessageId }: NewEvent, ours: string | undefined): ProviderName | undefined {
  const id = providerMessageId ?? (messageId?.startsWith(`${provider}:`) ? messageId.slice(provider.length + 1) : undefined)
  return id === undefined || id === '' ? undefined : { provider, account: account ?? ours, providerMessageId: id }
}
