import type { ReadStreamOptions, RecordedEvent } from '@pipe-comms/core'
import { toColumn } from './column-text.ts'
import type { EventRows } from './event-rows.ts'
import type { LogReader } from './log-reader.ts'
import { type EventLine, readPages } from './read-pages.ts'

export function prepareReadStream(
  reader: LogReader,
  rows: EventRows,
): (streamId: string, options: ReadStreamOptions) => AsyncGenerator<RecordedEvent> {
  const sql = `SELECT stream_version, ${rows.positions.sql}, event_json FROM message_events
    WHERE stream_id = ? AND stream_version > ? ORDER BY stream_version`
  const behind = reader.db.prepare<[string, number], EventLine>(sql).raw()

  return (streamId, { fromVersion = 1, signal }) => {
    const stream = toColumn(streamId)
    return readPages(
      reader,
      rows,
      (version) => behind.iterate(stream, version),
      () => fromVersion - 1,
      signal,
    )
  }
}
