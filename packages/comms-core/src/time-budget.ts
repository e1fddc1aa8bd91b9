import { NO_LONGER_NEEDED, type Sleep, timerSleep } from './pause.ts'

/** In how many parts a budget is counted. */
const PARTS = 8

/**
 * One timer for all that wait with the same time limit. It counts eighths of the limit while something waits, so that what waits
 * costs no timer of its own: it keeps the count at its beginning and asks `isOver`.
 *
 * A process that is frozen for a while counts one eighth for that time, not all of it.
 */
export class TimeBudget {
  readonly #partMs: number
  readonly #sleep: Sleep
  readonly #onTick: () => boolean
  #running: AbortController | undefined
  #count = 0

  /** @param onTick looks at what waits; whether anything still does */
  constructor(limitMs: number, onTick: () => boolean, sleep: Sleep = timerSleep) {
    this.#partMs = limitMs / PARTS
    this.#onTick = onTick
    this.#sleep = sleep
  }

  /** The count for what begins to wait now. Starts the timer. */
  begin(): number {
    if (!this.#running) void this.#run()
    return this.#count
  }

  /** Whether the limit is over for what began at this count: between 7/8 and 8/8 of it have passed. */
  isOver(begun: number): boolean {
    return this.#count - begun >= PARTS
  }

  stop(): void {
    this.#running?.abort(NO_LONGER_NEEDED)
  }

  async #run(): Promise<void> {
    const running = new AbortController()
    this.#running = running
    do {
      await this.#sleep(this.#partMs, running.signal)
      this.#count += 1
    } while (!running.signal.aborted && this.#onTick())
    this.#running = undefined
  }
}
