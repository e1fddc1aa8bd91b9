import { kindOf } from '../check-options.ts'
import { CommsError } from '../errors.ts'
import { type Clock, type IdSource, isoInstant, systemClock, uuidSource } from '../runtime.ts'
import { type EventFact, type MessageEvent, type MessageEventOf, messageEventSchema, type NewEvent } from './message-event.ts'

/**
 * A place in the whole log: opaque, given out by one store, and sortable as a string, an earlier place before a later one.
 * Keep it as it is; do not count with it, and do not carry it to another store.
 */
export type Position = string & { readonly __position?: never }

/** What the store adds to an event when it records it. */
export interface Recording {
  readonly position: Position
  /** The stream the event is in: one per contact and channel, or one per transport account. */
  readonly streamId: string
  /** Place in that stream, from 1, without gaps. */
  readonly version: number
  /** When the store recorded it, by the store's clock. */
  readonly recordedAt: string
}

/** An event as it stands in the log. */
export type RecordedEvent = MessageEvent & Recording

/**
 * Makes the event of a fact: gives it its id, its schema version and, when the provider gave none, its time.
 * @param runtime @default the system's clock and UUIDv7
 * @throws CommsError `event_invalid`, naming each field that breaks the schema; and for `event.unreadable`, which is never recorded.
 */
export function createEvent(fact: EventFact, runtime: { readonly ids?: IdSource; readonly clock?: Pick<Clock, 'now'> } = {}): NewEvent {
  const { ids = uuidSource, clock = systemClock } = runtime
  if (typeof fact !== 'object' || fact === null) throw new CommsError('event_invalid', `createEvent: expected a fact, got ${kindOf(fact)}`)
  const time =
    fact.occurredAt === undefined
      ? { occurredAt: isoInstant(clock.now()), occurredAtSource: fact.occurredAtSource ?? 'receipt' }
      : { occurredAtSource: fact.occurredAtSource ?? 'provider' }
  if (fact.type === 'event.unreadable') throw new CommsError('event_invalid', 'event.unreadable is what a store returns, never recorded')
  const checked = messageEventSchema.safeParse({ id: `evt_${ids.next()}`, schemaVersion: 1, ...fact, ...time })
  if (checked.success) return checked.data
  const problems = checked.error.issues.map((issue) => `${issue.path.join('.') || 'event'}: ${issue.message}`)
  throw new CommsError('event_invalid', `${String(fact.type)} breaks the schema: ${problems.join('; ')}`)
}

/**
 * The stream an event belongs to: `<channel>:<contact>` for all that concerns a contact, such as `whatsapp:+33639980001`,
 * `report:<name of the message>` for `report.filed`, and `transport:<provider>:<account>` for the rest.
 */
export function streamIdOf(
  event: Pick<MessageEvent, 'channel' | 'provider' | 'account' | 'contact'> & Partial<Pick<MessageEvent, 'type' | 'data'>>,
): string {
  if (event.type === 'report.filed') return `report:${(event.data as MessageEventOf<'report.filed'>['data']).name}`
  return event.contact ? `${event.channel}:${event.contact.value}` : `transport:${event.provider}:${event.account ?? 'default'}`
}

/** A copy of an event that becomes the recorded one when it gets its place, see {@link unplacedCopy}. */
export type UnplacedEvent = RecordedEvent & { version: number; recordedAt: string; position: Position }

/** For stores: all fields are there from the start, and set later: adding them to the object then would take three times as long. */
export function unplacedCopy(event: NewEvent, streamId: string): UnplacedEvent {
  return { ...event, streamId, version: 0, recordedAt: '', position: '' } as UnplacedEvent
}
