import type { ReadAllOptions, RecordedEvent } from '@pipe-comms/core'
import type { LogReader } from './log-reader.ts'
import { POSITION, rowAt } from './position.ts'
import { type EventLine, readPages } from './read-pages.ts'

const BEHIND = `SELECT event_position, ${POSITION}, event_json FROM message_events WHERE event_position > ? ORDER BY event_position`
const NEWEST = 'SELECT max(event_position) FROM message_events'

export function prepareReadAll(reader: LogReader): (options: ReadAllOptions) => AsyncGenerator<RecordedEvent> {
  const behind = reader.db.prepare<[number], EventLine>(BEHIND).raw()
  const newest = reader.db.prepare<[], number | null>(NEWEST).pluck()

  return ({ after, signal }) =>
    readPages(
      reader,
      (row) => behind.iterate(row),
      () => (after === undefined ? 0 : rowAt(after, newest.get() ?? 0)),
      signal,
    )
}
