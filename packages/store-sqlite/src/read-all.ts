import type { ReadAllOptions, RecordedEvent } from '@pipe-comms/core'
import type { EventRows } from './event-rows.ts'
import type { LogReader } from './log-reader.ts'
import { type EventLine, readPages } from './read-pages.ts'

const NEWEST = 'SELECT max(event_position) FROM message_events'

export function prepareReadAll(reader: LogReader, rows: EventRows): (options: ReadAllOptions) => AsyncGenerator<RecordedEvent> {
  const sql = `SELECT event_position, ${rows.positions.sql}, event_json FROM message_events WHERE event_position > ? ORDER BY event_position`
  const behind = reader.db.prepare<[number], EventLine>(sql).raw()
  const newest = reader.db.prepare<[], number | null>(NEWEST).pluck()

  return ({ after, signal }) =>
    readPages(
      reader,
      rows,
      (row) => behind.iterate(row),
      () => (after === undefined ? 0 : rows.positions.check(after, newest.get() ?? 0)),
      signal,
    )
}
