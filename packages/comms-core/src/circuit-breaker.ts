import { isCommsError } from './errors.ts'
import { backOffMs } from './pause.ts'
import type { Clock } from './runtime.ts'

export interface CircuitBreakerOptions {
  /** Failures in a row after which it opens. */
  readonly failures: number
  /** How long it first stays open, in milliseconds; doubles with each try that fails. */
  readonly firstMs: number
  readonly maxMs: number
  readonly clock: Pick<Clock, 'monotonic'>
  readonly random: () => number
  /** Told when it opens, and for how long, and when it closes again. */
  readonly onChange?: (state: 'open' | 'closed', forMs: number, error?: unknown) => void
}

/**
 * Keeps calls away from a peer that is down: after some failures in a row nothing is tried for a while, then one call alone, and all again
 * when that one succeeds. Written here because the libraries at hand (cockatiel, opossum) take the time from `Date.now`, and core takes
 * it from its clock.
 */
export class CircuitBreaker {
  readonly #options: CircuitBreakerOptions
  #failures = 0
  #opened = 0
  #openUntil = 0
  #trying = false

  constructor(options: CircuitBreakerOptions) {
    this.#options = options
  }

  /** Whether it has opened and no call has succeeded since. */
  get isOpen(): boolean {
    return this.#opened > 0
  }

  /** Whether a call would be let through now. */
  get isClosed(): boolean {
    return this.waitMs() === 0 && !this.#trying
  }

  /** When the next call may be tried, by the monotonic clock; in the past when it may be now. Infinite while one call tries alone. */
  freeAt(): number {
    return this.#trying ? Number.POSITIVE_INFINITY : this.#openUntil
  }

  /** Milliseconds until the next call may be tried; 0 when it may be now. */
  waitMs(): number {
    return Math.max(0, this.#openUntil - this.#options.clock.monotonic())
  }

  /** Whether the call may be made; its end must then be told with `succeeded` or `failed`, or with `skipped` when it was not made. */
  take(): boolean {
    if (!this.isClosed) return false
    if (this.#opened > 0) this.#trying = true
    return true
  }

  succeeded(): void {
    const wasOpen = this.#opened > 0
    this.#failures = 0
    this.#opened = 0
    this.#openUntil = 0
    this.#trying = false
    if (wasOpen) this.#options.onChange?.('closed', 0)
  }

  skipped(): void {
    this.#trying = false
  }

  /** An error with `retryAfterMs` opens it at once, for at least that long; `atOnce` does so without a time of its own. */
  failed(error?: unknown, { atOnce = false }: { readonly atOnce?: boolean } = {}): void {
    const { failures, clock, random, onChange } = this.#options
    this.#failures += 1
    this.#trying = false
    const asked = (isCommsError(error) && error.retryAfterMs) || 0
    if (this.#failures < failures && this.#opened === 0 && asked === 0 && !atOnce) return
    // Calls that were under way when it opened say nothing new.
    if (this.#opened > 0 && this.waitMs() > 0 && asked === 0) return
    this.#opened += 1
    const forMs = Math.max(asked, backOffMs(this.#opened, this.#options, random))
    this.#openUntil = Math.max(this.#openUntil, clock.monotonic() + forMs)
    onChange?.('open', forMs, error)
  }
}
