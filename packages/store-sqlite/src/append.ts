import { decideAppends } from '@pipe-comms/core'
import type { Database } from 'better-sqlite3'
import { toColumn } from './column-text.ts'
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

/**
 * Records requests by the rules of an EventStore. Call it inside an immediate transaction: SQLite has one writer at a time, so nobody
 * can take a version, a key or a position between the look and the insert, and rows become visible in the order of their positions.
 */
export function prepareAppend(db: Database): (requests: readonly WriteRequest[], recordedAt: string) => readonly WriteAnswer[] {
  const versionOf = db.prepare<[string], number | null>(VERSION).pluck()
  const known = db.prepare<[string], [number, number, string]>(KNOWN).raw()
  const newest = db.prepare<[], number | null>(NEWEST).pluck()
  const insert = db.prepare(INSERT)

  return (requests, recordedAt) => {
    let row = newest.get() ?? 0
    return decideAppends<EventRow, EventPlace>(requests, {
      versionOf: (streamId) => versionOf.get(toColumn(streamId)) ?? 0,
      recordedUnder: (key) => {
        const found = known.get(toColumn(key))
        return found && { row: found[0], version: found[1], json: found[2] }
      },
      record: (event, { streamId, version }) => {
        const { idempotencyKey, eventId, eventType, channel, leadId, messageId, occurredAt, json } = event
        row += 1
        insert.run(
          row,
          toColumn(streamId),
          version,
          toColumn(idempotencyKey),
          eventId,
          eventType,
          channel,
          leadId && toColumn(leadId),
          messageId && toColumn(messageId),
          occurredAt,
          recordedAt,
          withPlace(json, { streamId, version, recordedAt }),
        )
        return { row, version }
      },
    })
  }
}
