import type { NewEvent } from '../events/message-event.ts'
import { mayBeOneRecipient, type ProviderName, requestKey, sentKey } from '../events/message-names.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import { reportFiledFact } from '../events/report-filed.ts'
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

/** A report, and how its message is found. */
interface NamedReport {
  readonly event: NewEvent
  /** The provider's name of the message, or our `messageId`. */
  readonly name: ProviderName | string
  readonly key: string
  /** The request, or our `message.sent`, when the log had it before the report was recorded. */
  readonly known?: RecordedEvent
}

export interface AttachedReports {
  /** The events as they are to be recorded, in the same order. */
  readonly events: readonly NewEvent[]
  readonly reports: readonly NamedReport[]
}

/**
 * Files each report on a message of ours in the stream of its request, under our `messageId`, whichever address the provider names: a
 * privacy id, a Brazilian number without its 9, a mailbox behind a forward. That address stays in `data.recipient`.
 *
 * A report whose message is not known (yet) stays in the stream of the address it names. When it turns out to be of a message in another
 * stream, a `report.filed` in a stream that depends on the name of the message alone points to it, so that `message(id)` finds it. Three
 * places notice that, so that no order of events and no crash hides a report:
 *
 * - {@link pointersAfter}, when the message became known while the report was recorded,
 * - the outbox, which reads the whole log: when it learns the provider's name of a message, or hears of a report in another stream,
 * - {@link pointersAfter} again, when the store could not say whether the message is known, or the report went into the spool.
 *
 * Costs one `find` for each report, and one more for one of an unknown message; nothing for messages that come in or were typed on the
 * phone. Never throws on account of the store.
 */
export async function attachReports(
  events: readonly NewEvent[],
  account: string | undefined,
  options: AttachOptions,
): Promise<AttachedReports> {
  if (!events.some(isReport)) return { events, reports: [] }
  const attached = await Promise.all(
    events.map(async (event): Promise<Attached> => (isReport(event) ? attach(event, account, options) : { event })),
  )
  return { events: attached.map(({ event }) => event), reports: attached.flatMap(({ report }) => report ?? []) }
}

/**
 * The pointers to reports that are not in the stream of their message, to be recorded after them.
 * @param recorded in which stream each report is, by its idempotencyKey; nothing for what is not in the log yet.
 */
export async function pointersAfter(
  reports: readonly NamedReport[],
  recorded: ReadonlyMap<string, string>,
  options: AttachOptions,
): Promise<readonly NewEvent[]> {
  const pointers = await Promise.all(
    reports.map(async ({ event, name, key, known }) => {
      const inStream = recorded.get(event.idempotencyKey)
      const message = known ?? (inStream === undefined ? 'unknown' : await findInTime(key, options))
      const streamId = inStream ?? streamIdOf(event)
      if (message === 'none') return undefined
      if (message !== 'unknown' && (message.streamId === streamId || !isOfOneRecipient(event, message))) return undefined
      return createEvent(await reportFiledFact({ ...event, streamId }, name), options)
    }),
  )
  return pointers.filter((pointer) => pointer !== undefined)
}

function isOfOneRecipient(report: NewEvent, { contact }: RecordedEvent): boolean {
  return !contact || !report.contact || mayBeOneRecipient(contact, report.contact)
}

function isReport(event: NewEvent): boolean {
  if (event.direction !== 'outbound' || !REPORTS.has(event.type)) return false
  // What staff typed on the phone is no message of ours.
  if (event.type === 'message.sent') return event.data.origin !== 'device'
  return !('byApi' in event.data && event.data.byApi === false)
}

interface Attached {
  readonly event: NewEvent
  readonly report?: NamedReport
}

async function attach(event: NewEvent, account: string | undefined, options: AttachOptions): Promise<Attached> {
  const byProvider = providerName(event, account)
  const ownId = event.messageId === `${event.provider}:${byProvider?.providerMessageId}` ? undefined : event.messageId
  const key = ownId === undefined ? byProvider && sentKey(byProvider) : requestKey(ownId)
  if (key === undefined) return { event }
  const name = ownId ?? (byProvider as ProviderName)
  const found = await findInTime(key, options)
  if (typeof found === 'object') {
    if (!isOfOneRecipient(event, found)) return { event }
    const filed = underRequest(event, found) ?? event
    return { event: filed, report: { event: filed, name, key, known: found } }
  }
  // A name that is neither the provider's nor that of a request is of a copy, or of another system: no message of ours.
  if (ownId !== undefined && found === 'none') return { event }
  return { event, report: { event, name, key } }
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
