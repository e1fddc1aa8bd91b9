import { decideAppends } from '@pipe-comms/core'
import type { Database, Statement } from 'better-sqlite3'
import { type EventRow, withPlace } from './stored-event.ts'
import type { EventPlace, WriteAnswer, WriteRequest } from './write-parcel.ts'

/** The CAST hides the value from the query planner, which would plan the query anew for each one (https://www.sqlite.org/c3ref/prepare.html). */
const VERSION = 'SELECT max(stream_version) FROM message_events WHERE stream_id = CAST(? AS TEXT)'
const KNOWN = 'SELECT event_position, stream_version, event_json FROM message_events WHERE idempotency_key = ?'
const NEWEST = 'SELECT max(event_position) FROM message_events'
const INSERT = `
  INSERT INTO message_events (event_position, stream_id, stream_version, idempotency_key, event_id, event_type, channel, lead_id,
    message_id, occurred_at, recorded_at, event_json)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** Versions of so many streams are remembered; then it begins anew. */
const MAX_VERSIONS = 10_000

/**
 * Records requests by the rules of an EventStore. Call it inside an immediate transaction: SQLite has one writer at a time, so nobody
 * can take a version, a key or a position between the look and the insert, and rows become visible in the order of their positions.
 * The names in requests are as {@link toColumn} writes them.
 */
export class Appends {
  readonly #versionOf: Statement<[string], number | null>
  readonly #known: Statement<[string], [number, number, string]>
  readonly #newest: Statement<[], number | null>
  readonly #insert: Statement<unknown[]>
  readonly #changedElsewhere: Statement<[], number>
  /** What the streams' versions are within the transaction, as far as they were asked for. */
  readonly #versions = new Map<string, number>()
  #change = 0

  constructor(db: Database) {
    this.#versionOf = db.prepare<[string], number | null>(VERSION).pluck()
    this.#known = db.prepare<[string], [number, number, string]>(KNOWN).raw()
    this.#newest = db.prepare<[], number | null>(NEWEST).pluck()
    this.#insert = db.prepare(INSERT)
    this.#changedElsewhere = db.prepare<[], number>('PRAGMA data_version').pluck()
  }

  /** To be called when a transaction has begun: another process may have written since the last one. */
  begin(): void {
    const change = this.#changedElsewhere.get() as number
    if (change !== this.#change || this.#versions.size > MAX_VERSIONS) this.forget()
    this.#change = change
  }

  /** To be called when what was recorded is rolled back. */
  forget(): void {
    this.#versions.clear()
  }

  record(requests: readonly WriteRequest[], recordedAt: string): readonly WriteAnswer[] {
    let newest = this.#newest.get() ?? 0
    return decideAppends<EventRow, EventPlace>(requests, {
      versionOf: (streamId) => this.#versions.get(streamId) ?? this.#versionOf.get(streamId) ?? 0,
      recordedUnder: (key) => this.#recordedUnder(key),
      recordFindsRepeats: true,
      record: (event, { streamId, version }) => {
        const row = newest + 1
        try {
          this.#insertRow(row, event, streamId, version, recordedAt)
        } catch (error) {
          const known = isThereAlready(error) ? this.#recordedUnder(event.idempotencyKey) : undefined
          if (!known) throw error
          return { event: known, repeated: true }
        }
        newest = row
        this.#versions.set(streamId, version)
        return { event: { row, version }, repeated: false }
      },
    })
  }

  #recordedUnder(key: string): EventPlace | undefined {
    const found = this.#known.get(key)
    return found && { row: found[0], version: found[1], json: found[2] }
  }

  #insertRow(row: number, event: EventRow, streamId: string, version: number, recordedAt: string): void {
    const { idempotencyKey, eventId, eventType, channel, leadId, messageId, occurredAt, json } = event
    const stored = withPlace(json, streamId, version, recordedAt)
    this.#insert.run(row, streamId, version, idempotencyKey, eventId, eventType, channel, leadId, messageId, occurredAt, recordedAt, stored)
  }
}

/** The trigger that refuses a replacement has looked for the key: another look before each insert would cost a tenth of it. */
function isThereAlready(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'SQLITE_CONSTRAINT_TRIGGER'
}
