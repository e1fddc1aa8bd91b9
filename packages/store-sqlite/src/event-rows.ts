import { isoInstant, type KnownPlace, type Position, type RecordedEvent, type UnreadableEvents } from '@pipe-comms/core'
import type { Statement } from 'better-sqlite3'
import { fromColumn } from './column-text.ts'
import type { LogReader } from './log-reader.ts'
import type { Positions } from './position.ts'

const PLACE = `
  SELECT idempotency_key, stream_id, stream_version, recorded_at, occurred_at FROM message_events WHERE event_position = ?`

type PlaceColumns = [key: string, stream: string, version: number, recordedAt: string, occurredAt: string]

/** Rows of `message_events` as events. */
export class EventRows {
  readonly positions: Positions
  readonly #events: UnreadableEvents
  readonly #place: Statement<[number], PlaceColumns>

  constructor(reader: LogReader, positions: Positions, events: UnreadableEvents) {
    this.positions = positions
    this.#events = events
    this.#place = reader.db.prepare<[number], PlaceColumns>(PLACE).raw()
  }

  /** A row's JSON text as the event of today's schema; what cannot be read as `event.unreadable`, with what the columns say. */
  toEvent(json: string, position: Position): RecordedEvent {
    let stored: unknown
    try {
      stored = JSON.parse(json)
    } catch {
      return this.#events.damaged(json, position, this.#known(position), 'the row does not hold JSON')
    }
    return this.#events.read(stored, position, () => this.#known(position))
  }

  #known(position: Position): KnownPlace {
    try {
      const [key, stream, version, recordedAt, occurredAt] = this.#place.get(this.positions.rowOf(position)) as PlaceColumns
      return {
        idempotencyKey: fromColumn(key),
        streamId: fromColumn(stream),
        version,
        recordedAt: time(recordedAt),
        occurredAt: time(occurredAt),
      }
    } catch {
      // The columns are damaged as well, or another process holds the file.
      return {}
    }
  }
}

/** A damaged time would break whoever reads it. */
function time(text: string): string | undefined {
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : isoInstant(ms)
}
