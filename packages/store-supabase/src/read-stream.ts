import type { ReadStreamOptions, RecordedEvent } from '@pipe-comms/core'
import type { RepeatingCalls } from './database-calls.ts'
import { toColumn } from './jsonb-text.ts'
import { PAGE, type Page, readPages } from './read-pages.ts'

export function readStream(
  calls: () => RepeatingCalls,
  streamId: string,
  { fromVersion = 1, signal }: ReadStreamOptions,
): AsyncIterable<RecordedEvent> {
  const stream = toColumn(streamId)
  return readPages<number>(
    Math.max(0, Math.ceil(fromVersion) - 1),
    (version) => calls().call<Page<number>>('read_message_stream', { p_stream: stream, p_from_version: version + 1, ...PAGE }, signal),
    ([, , version]) => version,
    signal,
  )
}
