import type { Clock } from '../runtime.ts'

/** In a row, before a provider counts as down: fewer happen by chance. */
const FAILURES_TO_OPEN = 5
const FIRST_PAUSE_MS = 5_000
const LONGEST_PAUSE_MS = 300_000

/**
 * Stops asking a provider that is down. After five failures in a row it is left alone for five seconds; then one call may try; each
 * failure doubles the pause up to five minutes, and one success ends it.
 */
export class CircuitBreaker {
  readonly #clock: Clock
  #failures = 0
  #pauseMs = FIRST_PAUSE_MS
  #closedUntil = 0
  #trying = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** When the next call may be made, in milliseconds; no more than now when it may be made at once. Never while one call tries. */
  opensAt(): number {
    if (!this.isOpen()) return 0
    return this.#trying ? Number.POSITIVE_INFINITY : this.#closedUntil
  }

  /** Whether calls are held back. */
  isOpen(): boolean {
    return this.#failures >= FAILURES_TO_OPEN
  }

  begin(): void {
    if (this.isOpen()) this.#trying = true
  }

  /** A call that had begun was not made. */
  skip(): void {
    this.#trying = false
  }

  /** The provider answered, whatever it said. */
  succeed(): void {
    this.#failures = 0
    this.#pauseMs = FIRST_PAUSE_MS
    this.#trying = false
  }

  /** `atOnce`: no need to see more, an operator must act first. */
  fail(atOnce = false): void {
    // Calls that had begun before the pause tell nothing new.
    if (this.isOpen() && !this.#trying) return
    this.#failures = atOnce ? Math.max(this.#failures + 1, FAILURES_TO_OPEN) : this.#failures + 1
    if (!this.isOpen()) return
    this.#closedUntil = this.#clock.now() + this.#pauseMs
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
    this.#trying = false
  }
}
