import type { Sleep } from '../../pause.ts'
import type { Clock } from '../../runtime.ts'

/** A clock that moves only when it is told to, and sleeps that end with it. For tests. */
export class VirtualTime {
  #now = Date.parse('2026-01-06T10:00:00.000Z')
  readonly #sleepers = new Set<{ readonly until: number; end(): void }>()

  readonly clock: Clock = { now: () => this.#now }

  readonly sleep: Sleep = (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const sleeper = {
        until: this.#now + ms,
        end: () => {
          this.#sleepers.delete(sleeper)
          signal.removeEventListener('abort', sleeper.end)
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      signal.addEventListener('abort', sleeper.end)
    })

  /** Lets this much time pass, sleep by sleep, and all that can happen in it. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.settle()
    for (;;) {
      const due = [...this.#sleepers].filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)[0]
      if (!due) break
      this.#now = Math.max(this.#now, due.until)
      due.end()
      await this.settle()
    }
    this.#now = end
    await this.settle()
  }

  /** All that happens without time passing. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 60; turn += 1) await Promise.resolve()
    await new Promise((resolve) => setTimeout(resolve, 0))
    for (let turn = 0; turn < 60; turn += 1) await Promise.resolve()
  }
}
