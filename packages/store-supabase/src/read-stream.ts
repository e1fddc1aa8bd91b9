import type { ReadStreamOptions, RecordedEvent } from '@pipe-comms/core'
import { toColumn } from './jsonb-text.ts'
import { PAGE, type Page, readPages } from './read-pages.ts'
import type { EventLines } from './stored-event.ts'

export function readStream(
  open: () => Promise<EventLines>,
  streamId: string,
  { fromVersion = 1, signal }: ReadStreamOptions,
): AsyncIterable<RecordedEvent> {
  const stream = toColumn(streamId)
  return readPages<number>(
    open,
    () => Math.max(0, Math.ceil(fromVersion) - 1),
    ({ log }, version) =>
      log.calls.call<Page<number>>('read_message_stream', { p_stream: stream, p_from_version: version + 1, ...PAGE }, signal),
    ([, , version]) => version,
    signal,
  )
}
