import { flattenBatches, type RecordedEvent } from '@pipe-comms/core'
import { type EventLine, toRecordedEvent } from './stored-event.ts'

/** Read in a few milliseconds, so that neither a statement timeout nor memory is a concern. */
export const PAGE = { p_rows: 500, p_bytes: 2_097_152 }

export interface Page<Key> {
  /** There may be more behind `last`. */
  readonly more: boolean
  readonly last: Key | null
  readonly events: readonly EventLine[]
}

/** The events of pages that go by a rising key. The next page is on its way while one is read. */
export function readPages<Key>(
  start: Key,
  pageBehind: (key: Key) => Promise<Page<Key>>,
  signal: AbortSignal | undefined,
): AsyncIterable<RecordedEvent> {
  return flattenBatches(batches(start, pageBehind, signal), signal)
}

async function* batches<Key>(
  start: Key,
  pageBehind: (key: Key) => Promise<Page<Key>>,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly RecordedEvent[]> {
  signal?.throwIfAborted()
  let next: Promise<Page<Key>> | undefined = pageBehind(start)
  while (next) {
    const { more, last, events }: Page<Key> = await next
    next = more && last !== null ? pageBehind(last) : undefined
    // Whoever leaves before that page leaves its error too.
    next?.catch(() => {})
    yield events.map(toRecordedEvent)
  }
}
