import { CircuitBreaker } from '../circuit-breaker.ts'
import { CommsError } from '../errors.ts'

const AWAY = { failures: 1, firstMs: 100, maxMs: 5_000 }

/** Whether a store is there: a breaker that opens with the first outage, and remembers why. */
export class StoreAvailability {
  readonly #breaker: CircuitBreaker
  #reason: CommsError | undefined

  constructor({ now = () => performance.now(), random = Math.random }: { readonly now?: () => number; readonly random?: () => number }) {
    this.#breaker = new CircuitBreaker({ ...AWAY, clock: { now }, random })
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

  away(error: CommsError): void {
    this.#reason = error
    this.#breaker.failed(error, { atOnce: true })
  }

  /** Why what comes now is refused, while the store is left alone or tried by one write. */
  refusal(): CommsError | undefined {
    const breaker = this.#breaker
    if (!breaker.isOpen || breaker.isClosed) return undefined
    return new CommsError('store_unavailable', this.#reason?.message ?? 'The store is away', {
      // There is nothing to wait for while one write tries it.
      retryAfterMs: Math.ceil(breaker.waitMs()) || AWAY.firstMs,
      cause: this.#reason,
    })
  }
}
