import { setImmediate as nextTurn } from 'node:timers/promises'
import { flattenBatches, type RecordedEvent } from '@pipe-comms/core'
import type { Rows } from './database-calls.ts'
import type { EventLine, EventLines } from './stored-event.ts'

/** Read in a few milliseconds, so that neither a statement timeout nor memory is a concern. */
export const PAGE = { p_rows: 500, p_bytes: 2_097_152 }

/** Behind the lines of a page. */
interface PageEnd<Key> {
  /** There may be more behind `last`. */
  readonly more: boolean
  readonly last: Key | null
}

/** Lines, and the end of the page unless a limit of rows cut it off. */
export type Page<Key> = Rows<EventLine | PageEnd<Key>>

/** The events of pages that go by a rising key. The next page is on its way while one is read. */
export function readPages<Key>(
  open: () => Promise<EventLines>,
  start: (lines: EventLines) => Key,
  pageBehind: (lines: EventLines, key: Key) => Promise<Page<Key>>,
  keyOf: (line: EventLine) => Key,
  signal: AbortSignal | undefined,
): AsyncIterable<RecordedEvent> {
  return flattenBatches(batches(open, start, pageBehind, keyOf, signal), signal)
}

async function* batches<Key>(
  open: () => Promise<EventLines>,
  start: (lines: EventLines) => Key,
  pageBehind: (lines: EventLines, key: Key) => Promise<Page<Key>>,
  keyOf: (line: EventLine) => Key,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly RecordedEvent[]> {
  signal?.throwIfAborted()
  let opened = await open()
  signal?.throwIfAborted()
  let next: Promise<Page<Key>> | undefined = pageBehind(opened, start(opened))
  while (next) {
    const page: Page<Key> = await next
    const behind = page.at(-1)?.()
    const isWhole = behind !== undefined && 'more' in behind
    const found = (isWhole ? page.slice(0, -1) : page) as Rows<EventLine>
    const { more, last } = isWhole ? behind : { more: behind !== undefined, last: behind === undefined ? null : keyOf(behind as EventLine) }
    if (more && last !== null) opened = await open()
    next = more && last !== null ? pageBehind(opened, last) : undefined
    if (next) {
      // Whoever leaves before that page leaves its error too.
      next.catch(() => {})
      // The call goes out with the turn of the event loop, before these lines are parsed.
      await nextTurn()
      signal?.throwIfAborted()
    }
    yield found.map((line) => opened.toEvent(line()))
  }
}
