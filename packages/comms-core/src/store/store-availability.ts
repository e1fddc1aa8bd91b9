import { CircuitBreaker } from '../circuit-breaker.ts'
import { CommsError } from '../errors.ts'

const AWAY = { failures: 3, firstMs: 100, maxMs: 5_000 }
/** A store that takes longer to say that it is away is left alone from the first time on: each try keeps others waiting. */
const QUICK_FAILURE_MS = 1_000

/**
 * Whether a store is there: a breaker that opens with the first outage that took long, or the third in a row, and remembers why.
 * After any outage, what comes in the same turn of the event loop is refused too: it came before anyone could hear of the outage.
 */
export class StoreAvailability {
  readonly #breaker: CircuitBreaker
  #reason: CommsError | undefined
  #isThisTurn = false

  constructor({ now = () => performance.now(), random = Math.random }: { readonly now?: () => number; readonly random?: () => number }) {
    this.#breaker = new CircuitBreaker({ ...AWAY, clock: { monotonic: now }, random })
  }

  /** Whether a write may begin. While the store was away, one at a time; its end is said by one of the methods below. */
  take(): boolean {
    return this.#breaker.take()
  }

  /** The write did not begin, or its end says nothing of the store. */
  skipped(): void {
    this.#breaker.skipped()
  }

  answered(): void {
    this.#breaker.succeeded()
    this.#reason = undefined
  }

  /** @param afterMs how long the write took that found it away */
  away(error: CommsError, afterMs: number): void {
    this.#reason = error
    this.#breaker.failed(error, { atOnce: afterMs > QUICK_FAILURE_MS })
    this.#isThisTurn = true
    setTimeout(() => {
      this.#isThisTurn = false
    })
  }

  /** Why what comes now is refused, while the store is left alone or tried by one write. */
  refusal(): CommsError | undefined {
    const breaker = this.#breaker
    if (!this.#isThisTurn && (!breaker.isOpen || breaker.isClosed)) return undefined
    return new CommsError('store_unavailable', this.#reason?.message ?? 'The store is away', {
      // Neither this turn nor the one write that tries it has a time to wait for.
      retryAfterMs: Math.ceil(breaker.waitMs()) || AWAY.firstMs,
      cause: this.#reason,
    })
  }
}
