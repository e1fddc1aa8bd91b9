import type { Position, RecordedEvent } from '@pipe-comms/core'
import { toColumn } from './column-text.ts'
import type { EventRows } from './event-rows.ts'
import type { LogReader } from './log-reader.ts'

/** Asks the file every time, so it sees what any process recorded. */
export function prepareFind(reader: LogReader, rows: EventRows): (idempotencyKey: string) => Promise<RecordedEvent | undefined> {
  const find = reader.db
    .prepare<[string], [position: Position, json: string]>(
      `SELECT ${rows.positions.sql}, event_json FROM message_events WHERE idempotency_key = ?`,
    )
    .raw()

  return async (idempotencyKey) => {
    const found = await reader.read(() => find.get(toColumn(idempotencyKey)))
    return found && rows.toEvent(found[1], found[0])
  }
}
