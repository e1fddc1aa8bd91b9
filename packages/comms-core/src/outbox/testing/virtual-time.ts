import type { Sleep } from '../../pause.ts'
import type { Clock } from '../../runtime.ts'

/** A clock that moves only when it is told to, and sleeps that end with it. For tests. */
export class VirtualTime {
  #monotonic = 1_000
  /** How far the clock of the wall is ahead of the other one. */
  #ahead = Date.parse('2026-01-06T10:00:00.000Z') - this.#monotonic
  readonly #sleepers = new Set<{ readonly until: number; end(): void }>()

  readonly clock: Clock = this.clockAhead(() => 0)

  readonly sleep: Sleep = (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const sleeper = {
        until: this.#monotonic + ms,
        end: () => {
          this.#sleepers.delete(sleeper)
          signal.removeEventListener('abort', sleeper.end)
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      signal.addEventListener('abort', sleeper.end)
    })

  /** The clock of a machine that somebody sets: `aheadMs` says how far it is ahead of the right time. */
  clockAhead(aheadMs: () => number): Clock {
    return { now: () => this.#monotonic + this.#ahead + aheadMs(), monotonic: () => this.#monotonic }
  }

  /** Lets this much time pass, sleep by sleep, and all that can happen in it. */
  async pass(ms: number): Promise<void> {
    const end = this.#monotonic + ms
    await this.settle()
    for (;;) {
      const due = [...this.#sleepers].filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)[0]
      if (!due) break
      this.#monotonic = Math.max(this.#monotonic, due.until)
      due.end()
      await this.settle()
    }
    this.#monotonic = end
    await this.settle()
  }

  /** All that happens without time passing. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 60; turn += 1) await Promise.resolve()
    await new Promise((resolve) => setTimeout(resolve, 0))
    for (let turn = 0; turn < 60; turn += 1) await Promise.resolve()
  }
}
