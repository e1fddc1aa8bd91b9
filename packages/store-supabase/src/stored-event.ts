import {
  CommsError,
  eventToJson,
  type NewEvent,
  type RecordedEvent,
  type StoredEvent,
  type UnreadableEvents,
  upcastEvent,
} from '@pipe-comms/core'
import { toJsonb } from './jsonb-text.ts'
import type { OpenedLog } from './opened-log.ts'

/** An event as the database gives it: its place, and the event itself; none when its partition was detached. */
export type EventLine = readonly [position: string, streamId: string, version: number, recordedAt: string, event: StoredEvent | null]

/** Turns lines into events of today's schema; what cannot be read into `event.unreadable`. */
export class EventLines {
  readonly log: OpenedLog
  readonly #events: UnreadableEvents

  constructor(log: OpenedLog, events: UnreadableEvents) {
    this.log = log
    this.#events = events
  }

  /** `key`: what the event was found by. */
  toEvent([place, streamId, version, at, event]: EventLine, key?: string): RecordedEvent {
    const position = this.log.position(place)
    const recordedAt = inUtc(at)
    const known = () => ({ ...(key === undefined ? {} : { idempotencyKey: key }), streamId, version, recordedAt })
    if (typeof event !== 'object' || event === null || Array.isArray(event)) {
      return this.#events.damaged(event, position, known(), 'the row does not hold an event')
    }
    return this.#events.read(Object.assign(event, { streamId, version, recordedAt }), position, known)
  }
}

/** The event with its place. Changes the object it is given. */
export function placed(event: NewEvent, position: string, streamId: string, version: number, recordedAt: string): RecordedEvent {
  return Object.assign(event, { position, streamId, version, recordedAt })
}

/** The database's time comes in the zone of its session. */
export function inUtc(time: string): string {
  return new Date(time).toISOString()
}

/** As the database writes places: sortable as text. */
export function toPlace(position: number): string {
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
