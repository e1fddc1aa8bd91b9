import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Position, RecordedEvent } from '@pipe-comms/core'
import type { EventRows } from './event-rows.ts'
import type { LogReader } from './log-reader.ts'

/** Read in about a millisecond. */
const PAGE_ROWS = 500
/** Large events make smaller pages, so that memory stays flat. */
const PAGE_CHARACTERS = 4_194_304

/** The key to read on behind, the position, and the event's JSON text. */
export type EventLine = readonly [key: number, position: Position, json: string]

/**
 * The events of a query that goes by a rising key, behind the one that `start` gives, page by page. Each page is a read of its own and the event loop turns between two:
 * a long read holds no long transaction, in whose shade SQLite could not checkpoint (https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files).
 * @throws the signal's reason; what {@link LogReader.read} throws.
 */
export async function* readPages(
  reader: LogReader,
  rows: EventRows,
  linesBehind: (key: number) => IterableIterator<EventLine>,
  start: () => number,
  signal: AbortSignal | undefined,
): AsyncGenerator<RecordedEvent> {
  signal?.throwIfAborted()
  let key = await reader.read(start)
  for (;;) {
    const { lines, last } = await reader.read(() => takePage(linesBehind(key)))
    for (const line of lines) {
      signal?.throwIfAborted()
      key = line[0]
      yield rows.toEvent(line[2], line[1])
    }
    if (last) return
    await nextTurn()
    signal?.throwIfAborted()
  }
}

function takePage(lines: IterableIterator<EventLine>): { lines: EventLine[]; last: boolean } {
  const page: EventLine[] = []
  let characters = 0
  for (const line of lines) {
    page.push(line)
    characters += line[2].length
    if (page.length >= PAGE_ROWS || characters >= PAGE_CHARACTERS) return { lines: page, last: false }
  }
  return { lines: page, last: true }
}
