import type { ReadStreamOptions, RecordedEvent } from '@pipe-comms/core'
import { toColumn } from './column-text.ts'
import type { LogReader } from './log-reader.ts'
import { POSITION } from './position.ts'
import { type EventLine, readPages } from './read-pages.ts'

const BEHIND = `
  SELECT stream_version, ${POSITION}, event_json FROM message_events
  WHERE stream_id = ? AND stream_version > ? ORDER BY stream_version`

export function prepareReadStream(reader: LogReader): (streamId: string, options: ReadStreamOptions) => AsyncGenerator<RecordedEvent> {
  const behind = reader.db.prepare<[string, number], EventLine>(BEHIND).raw()

  return (streamId, { fromVersion = 1, signal }) => {
    const stream = toColumn(streamId)
    return readPages(
      reader,
      (version) => behind.iterate(stream, version),
      () => fromVersion - 1,
      signal,
    )
  }
}
