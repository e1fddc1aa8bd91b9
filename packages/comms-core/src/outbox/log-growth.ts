import type { EventStore } from '../store/event-store.ts'

/** Tells when this process records something, so that who waits for it need not ask the log again and again. */
export class LogGrowth {
  readonly #listeners = new Set<() => void>()

  /** The same store, whose appends are told of. */
  watch(store: EventStore): EventStore {
    return {
      append: async (requests) => {
        const results = await store.append(requests)
        this.#tell()
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

  /** Resolves with the next append, or when the signal is aborted. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#listeners.delete(end)
        signal.removeEventListener('abort', end)
        resolve()
      }
      this.#listeners.add(end)
      signal.addEventListener('abort', end)
      if (signal.aborted) end()
    })
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
