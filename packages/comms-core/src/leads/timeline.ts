import type { RecordedEvent } from '../events/recorded-event.ts'
import type { EventStore } from '../store/event-store.ts'

/** Several streams as one, in the order of the log. Holds one event of each stream at a time. */
export async function* mergeStreams(
  store: EventStore,
  streamIds: readonly string[],
  { signal }: { readonly signal?: AbortSignal } = {},
): AsyncIterable<RecordedEvent> {
  const readers = streamIds.map((id) => store.readStream(id, signal ? { signal } : {})[Symbol.asyncIterator]())
  try {
    const heads = await Promise.all(readers.map((reader) => reader.next()))
    for (;;) {
      let first = -1
      for (const [index, head] of heads.entries()) {
        if (head.done) continue
        const best = first < 0 ? undefined : (heads[first] as IteratorYieldResult<RecordedEvent>)
        if (!best || head.value.position < best.value.position) first = index
      }
      if (first < 0) return
      yield (heads[first] as IteratorYieldResult<RecordedEvent>).value
      heads[first] = await (readers[first] as AsyncIterator<RecordedEvent>).next()
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.return?.()))
  }
}
