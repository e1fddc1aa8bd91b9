import { CircuitBreaker } from '../circuit-breaker.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { type Clock, isoInstant } from '../runtime.ts'
import { type RateLimiter, rateLimiter } from '../transport/rate-limit.ts'
import type { Transport } from '../transport/transport.ts'

/** For metrics. */
export interface LaneState {
  /** Messages that could be sent now, but wait for their turn. */
  readonly ready: number
  readonly inFlight: number
  /** Calls that were given up because they did not end in time, and that have not ended since. */
  readonly abandoned: number
  /** The provider is left alone for a while. */
  readonly paused: boolean
  /** ISO 8601: until when messages that are ready are held back, by a limit of the provider or because it is left alone. Absent: they are not. */
  readonly heldUntil?: string
}

/** Fewer failures in a row happen by chance; a provider that is down is left alone for five seconds, and up to five minutes. */
const DOWN = { failures: 5, firstMs: 5_000, maxMs: 300_000 }
/** Calls that are open at once, those that were given up included, as a multiple of `concurrency`. */
const MAX_OPEN_CALLS = 4
/** Shorter waits are a provider's usual pace. */
const LONG_WAIT_MS = 5_000

/** The messages of one transport that are ready to be sent: first come, first served, a few at a time, within the provider's limits. */
export class OutboxLane<Item> {
  readonly transport: Transport
  readonly breaker: CircuitBreaker
  readonly #concurrency: number
  readonly #limiters: readonly RateLimiter[]
  readonly #clock: Clock
  /** Taken from the end of the second, which is the first turned round: taking from the front of a long array moves all of it. */
  #added: Item[] = []
  #ready: Item[] = []
  #inFlight = 0
  /** Calls that were given up and have not ended. */
  abandoned = 0
  #toldOf = 0

  constructor(transport: Transport, options: { concurrency: number; clock: Clock; random: () => number }) {
    this.transport = transport
    this.breaker = new CircuitBreaker({ ...DOWN, clock: options.clock, random: options.random })
    this.#concurrency = options.concurrency
    this.#clock = options.clock
    this.#limiters = (transport.sendLimits ?? []).map((limit) => rateLimiter(limit, { clock: options.clock }))
  }

  /** Whether this event tells of our account with this provider. */
  serves({ provider, account }: Pick<RecordedEvent, 'provider' | 'account'>): boolean {
    return (this.transport.provider ?? this.transport.id) === provider && this.transport.account === account
  }

  /** How far back attempts count against the limits, in milliseconds. */
  get memoryMs(): number {
    return Math.max(0, ...(this.transport.sendLimits ?? []).map(({ perMs }) => perMs))
  }

  state(): LaneState {
    const state = { ready: this.#waiting(), inFlight: this.#inFlight, abandoned: this.abandoned, paused: this.breaker.isOpen }
    const freeAt = this.freeAt()
    const heldMs = freeAt - this.#clock.monotonic()
    const held = this.isHeldBack() && heldMs > 0 && Number.isFinite(freeAt)
    return held ? { ...state, heldUntil: isoInstant(this.#clock.now() + heldMs) } : state
  }

  /** Counts an attempt, ours or another instance's, against the limits: one that was made so many milliseconds ago. */
  noteAttempt(agoMs: number): void {
    for (const limiter of this.#limiters) limiter.note(this.#clock.monotonic() - Math.max(0, agoMs))
  }

  add(item: Item): void {
    this.#added.push(item)
  }

  /** The next message that may be sent now. The caller says `end` when its sending has ended. */
  take(): Item | undefined {
    if (this.#waiting() === 0 || !this.#hasRoom() || this.freeAt() > this.#clock.monotonic()) return undefined
    this.#inFlight += 1
    this.breaker.take()
    if (this.#ready.length === 0) {
      this.#ready = this.#added.reverse()
      this.#added = []
    }
    return this.#ready.pop()
  }

  end(): void {
    this.#inFlight -= 1
  }

  /** When the provider may be asked again, by the monotonic clock; in the past when it may be now. */
  freeAt(): number {
    const waits = this.#limiters.map((limiter) => limiter.waitMs())
    const limited = Math.max(0, ...waits)
    return Math.max(this.breaker.freeAt(), limited > 0 ? this.#clock.monotonic() + limited : 0)
  }

  /** Whether messages wait although there is room for them. */
  isHeldBack(): boolean {
    return this.#waiting() > 0 && this.#hasRoom()
  }

  /** Whether people should hear that messages wait until then: once for each long wait. */
  isNews(freeAt: number): boolean {
    const news = freeAt - this.#clock.monotonic() >= LONG_WAIT_MS && freeAt > this.#toldOf
    if (news) this.#toldOf = freeAt
    return news
  }

  /** A call that was given up leaves its place to another, up to a bound: a dead provider is not to pile up calls for ever. */
  #hasRoom(): boolean {
    return this.#inFlight < this.#concurrency && this.#inFlight + this.abandoned < this.#concurrency * MAX_OPEN_CALLS
  }

  #waiting(): number {
    return this.#added.length + this.#ready.length
  }
}
