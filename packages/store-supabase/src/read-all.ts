import type { ReadAllOptions, RecordedEvent } from '@pipe-comms/core'
import type { RepeatingCalls } from './database-calls.ts'
import { toColumn } from './jsonb-text.ts'
import { PAGE, type Page, readPages } from './read-pages.ts'

/**
 * The log in the order of positions. Positions become visible in their order (see `append_message_events`), so reading on behind the last
 * one skips nothing.
 */
export function readAll(calls: () => RepeatingCalls, { after, signal }: ReadAllOptions): AsyncIterable<RecordedEvent> {
  const start = after === undefined ? null : toColumn(String(after))
  return readPages<string | null>(
    start,
    (position) => calls().call<Page<string>>('read_message_events', { p_after: position, ...PAGE }, signal),
    ([position]) => position,
    signal,
  )
}
