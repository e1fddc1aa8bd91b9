import { CommsError, eventToJson, type NewEvent, type RecordedEvent, type StoredEvent, upcastEvent } from '@pipe-comms/core'
import { toJsonb } from './jsonb-text.ts'

/** An event as the database gives it: its place, and the event itself; none when its partition was detached. */
export type EventLine = readonly [position: string, streamId: string, version: number, recordedAt: string, event: StoredEvent | null]

/** The event of today's schema. @throws CommsError `event_invalid` for a schema version of a newer release. */
export function toRecordedEvent([position, streamId, version, recordedAt, event]: EventLine): RecordedEvent {
  return placed(upcastEvent(event as StoredEvent), position, streamId, version, inUtc(recordedAt))
}

/** The event with its place. Changes the object it is given. */
export function placed(event: NewEvent, position: string, streamId: string, version: number, recordedAt: string): RecordedEvent {
  return Object.assign(event, { position, streamId, version, recordedAt })
}

/** The database's time comes in the zone of its session. */
export function inUtc(time: string): string {
  return new Date(time).toISOString()
}

/** As the database writes positions: sortable as text. */
export function toPosition(position: number): string {
  return String(position).padStart(12, '0')
}

/** @throws CommsError `event_invalid` for what the table cannot hold, before it could spoil the write of others. */
export function toStoredJson(event: NewEvent): string {
  // What could not be read back is refused as well.
  upcastEvent(event)
  for (const name of ['idempotencyKey', 'id', 'type', 'channel', 'provider', 'occurredAt'] as const) {
    if (typeof event[name] !== 'string') {
      throw new CommsError('event_invalid', `Expected ${name} of an event as text, got ${typeof event[name]}`)
    }
  }
  return toJsonb(eventToJson(event))
}
