import type { RecordedEvent } from '../events/recorded-event.ts'
import type { EventStore } from '../store/event-store.ts'

/** Tells what this process records, so that who waits for it need not ask the log again and again. */
export class LogGrowth {
  readonly #listeners = new Set<() => void>()
  readonly #waiting = new Map<string, Set<() => void>>()

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

  onGrown(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** Resolves with the next append to this stream, or when the signal is aborted. */
  next(streamId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(streamId) ?? new Set()
      const end = () => {
        waiting.delete(end)
        if (waiting.size === 0 && this.#waiting.get(streamId) === waiting) this.#waiting.delete(streamId)
        signal.removeEventListener('abort', end)
        resolve()
      }
      waiting.add(end)
      this.#waiting.set(streamId, waiting)
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
    })
  }

  #tell(recorded: readonly RecordedEvent[]): void {
    if (recorded.length === 0) return
    for (const listener of this.#listeners) listener()
    if (this.#waiting.size === 0) return
    for (const { streamId } of recorded) for (const end of [...(this.#waiting.get(streamId) ?? [])]) end()
  }
}
