import type { Position, WakeUp } from '@pipe-comms/core'

/** Consumers at the end of the log, each behind the position it has read to. */
export class WaitingReaders {
  readonly #waiting = new Set<{ readonly after: Position | undefined; readonly wake: () => void; readonly fail: (error: Error) => void }>()

  /** Resolves when something behind `after` is told of, or with the signal; rejects with the failure of the connection. */
  wait({ after, signal }: Parameters<WakeUp>[0]): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        signal.removeEventListener('abort', reader.wake)
        this.#waiting.delete(reader)
      }
      const reader = {
        after,
        wake: () => {
          leave()
          resolve()
        },
        fail: (error: Error) => {
          leave()
          reject(error)
        },
      }
      if (signal.aborted) return resolve()
      signal.addEventListener('abort', reader.wake)
      this.#waiting.add(reader)
    })
  }

  /** Something was recorded, up to the place `newest` when that is known. */
  wake(newest?: string): void {
    for (const { after, wake } of [...this.#waiting]) {
      if (after === undefined || newest === undefined || placeOf(newest) > placeOf(after)) wake()
    }
  }

  fail(error: Error): void {
    for (const { fail } of [...this.#waiting]) fail(error)
  }
}

/** The place in its log: what stands behind the name of the log. A reader of another log is woken for nothing, if at all. */
function placeOf(position: string): string {
  return position.slice(position.indexOf('.') + 1)
}
