import type { RecordedEvent } from '../events/recorded-event.ts'
import type { EventStore } from '../store/event-store.ts'

/** Tells what this process records, so that who waits for it need not ask the log again and again. */
export class LogGrowth {
  readonly #listeners = new Set<(recorded: readonly RecordedEvent[]) => void>()
  readonly #waiting = new Map<string, Set<(event: RecordedEvent) => void>>()

  /** The same store, whose appends are told of. */
  watch(store: EventStore): EventStore {
    return {
      append: async (requests) => {
        const results = await store.append(requests)
        this.#tell(
          results.flatMap((result) =>
            result.status === 'recorded' ? result.events.filter(({ repeated }) => !repeated).map(({ event }) => event) : [],
          ),
        )
        return results
      },
      find: (key) => store.find(key),
      readStream: (streamId, options) => store.readStream(streamId, options),
      readAll: (options) => store.readAll(options),
      close: () => store.close(),
    }
  }

  onGrown(listener: (recorded: readonly RecordedEvent[]) => void): void {
    this.#listeners.add(listener)
  }

  /** Resolves with the next event of this stream that is waited for, or when the signal is aborted. */
  next(streamId: string, isWaitedFor: (event: RecordedEvent) => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(streamId) ?? new Set()
      const hear = (event: RecordedEvent) => {
        if (isWaitedFor(event)) end()
      }
      const end = () => {
        waiting.delete(hear)
        if (waiting.size === 0 && this.#waiting.get(streamId) === waiting) this.#waiting.delete(streamId)
        signal.removeEventListener('abort', end)
        resolve()
      }
      waiting.add(hear)
      this.#waiting.set(streamId, waiting)
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
    })
  }

  #tell(recorded: readonly RecordedEvent[]): void {
    if (recorded.length === 0) return
    for (const listener of this.#listeners) listener(recorded)
    if (this.#waiting.size === 0) return
    for (const event of recorded) for (const hear of [...(this.#waiting.get(event.streamId) ?? [])]) hear(event)
  }
}
