import { CommsError, isCommsError } from '../errors.ts'
import type { Sleep } from '../pause.ts'
import type { AppendRequest, AppendResult, EventStore } from '../store/event-store.ts'
import type { Spool } from '../store/spool.ts'
import { TimeBudget } from '../time-budget.ts'

export interface ArrivalsOptions {
  readonly store: EventStore
  readonly spool?: Spool
  /** Called for each arrival that waits in the spool. */
  readonly onSpooled?: () => void
  /** How long an arrival waits for the store, in milliseconds. @default 3000 */
  readonly timeoutMs?: number
  /** @default a timer: the time of a store is real time */
  readonly sleep?: Sleep
}

/** Where an arrival is durable now. */
export type Kept = { readonly in: 'log'; readonly results: readonly AppendResult[] } | { readonly in: 'spool'; readonly reason: string }

interface Arrival {
  readonly requests: readonly AppendRequest[]
  readonly begun: number
  readonly resolve: (kept: Kept) => void
  readonly reject: (error: unknown) => void
}

const DEFAULT_TIMEOUT_MS = 3000
const RETRY_AFTER_MS = 5000

/**
 * The one queue of what providers say, in front of log and spool, so that a later arrival never gets into the log before an earlier
 * one of its contact. It has three modes:
 *
 * - `unknown`: at the beginning. Arrivals wait until the spool has said whether an earlier run left something.
 * - `direct`: arrivals go to the store. At the first that the store does not take, or not in time, all that are under way go to the
 *   spool in the order of their arrival, and the mode is `detour`. Their appends may still succeed; the spooled copies are repeats then.
 * - `detour`: arrivals go to the spool, until it is empty.
 *
 * Without a spool the mode is always `direct`: an arrival that the store does not take in time is refused.
 */
export class Arrivals {
  readonly #store: EventStore
  readonly #spool: Spool | undefined
  readonly #onSpooled: () => void
  readonly #timeoutMs: number
  readonly #budget: TimeBudget
  #mode: 'unknown' | 'direct' | 'detour'
  /** Those that wait for the end of `unknown`. */
  #early: Arrival[] = []
  /** Those that wait for the store, in the order of their arrival. */
  readonly #appending = new Set<Arrival>()
  /** Those that wait for the spool. */
  readonly #putting = new Set<Arrival>()
  /** Calls of `put` so far. */
  #puts = 0

  constructor({ store, spool, onSpooled = () => {}, timeoutMs = DEFAULT_TIMEOUT_MS, sleep }: ArrivalsOptions) {
    if (!(timeoutMs >= 1)) {
      throw new CommsError('configuration_invalid', `ingestTimeoutMs: expected milliseconds from 1, got ${timeoutMs}`)
    }
    this.#store = store
    this.#spool = spool
    this.#onSpooled = onSpooled
    this.#timeoutMs = timeoutMs
    this.#mode = spool ? 'unknown' : 'direct'
    this.#budget = new TimeBudget(timeoutMs, () => this.#refuseOverdue(), sleep)
  }

  /**
   * Keeps what arrived. Resolves when it is durable, within the time limit or with an error; the time of the spool comes on top.
   * @throws CommsError `store_unavailable`, `store_overloaded` when it could be kept nowhere. It may be recorded all the same: the
   * answer of the store was not waited for. `event_invalid` when it can never be stored.
   */
  keep(requests: readonly AppendRequest[]): Promise<Kept> {
    return new Promise((resolve, reject) => {
      const arrival = { requests, begun: this.#budget.begin(), resolve, reject }
      if (this.#mode === 'direct') void this.#append(arrival)
      else if (this.#mode === 'detour') void this.#put(arrival, 'Earlier webhooks still wait in the spool')
      else if (this.#early.push(arrival) === 1) void this.#lookIntoSpool()
    })
  }

  /** Goes back from `detour` to `direct` when nothing waits in the spool any more. */
  async drained(): Promise<void> {
    if (this.#mode !== 'detour') return
    const puts = this.#puts
    const waiting = await this.#spool?.size()
    // A put that began meanwhile waits for the next drain.
    if (waiting === 0 && puts === this.#puts) this.#mode = 'direct'
  }

  async #lookIntoSpool(): Promise<void> {
    // A spool that cannot say counts as one with something in it; its put then says why it cannot.
    const waiting = await this.#spool?.size().catch(() => 1)
    if (this.#mode === 'unknown') this.#mode = waiting === 0 ? 'direct' : 'detour'
    for (const arrival of this.#early.splice(0)) {
      if (this.#mode === 'direct') void this.#append(arrival)
      else void this.#put(arrival, 'Webhooks of an earlier run still wait in the spool')
    }
  }

  async #append(arrival: Arrival): Promise<void> {
    this.#appending.add(arrival)
    try {
      const results = await this.#store.append(arrival.requests)
      this.#appending.delete(arrival)
      // Also when it is on its way into the spool: recorded is durable.
      arrival.resolve({ in: 'log', results })
    } catch (error) {
      // Given up before: the spool has it, or it was refused.
      if (!this.#appending.has(arrival)) return
      // What waits for an operator waits in the spool as well: the provider would give up first.
      const isAway = isCommsError(error, 'store_unavailable') || isCommsError(error, 'store_misconfigured')
      if (this.#spool && isAway) return this.#detour(error.message)
      this.#appending.delete(arrival)
      arrival.reject(error)
    }
  }

  #detour(reason: string): void {
    this.#mode = 'detour'
    const underWay = [...this.#appending]
    this.#appending.clear()
    for (const arrival of underWay) void this.#put(arrival, reason)
  }

  async #put(arrival: Arrival, reason: string): Promise<void> {
    this.#puts += 1
    const putting = { ...arrival, begun: this.#budget.begin() }
    this.#putting.add(putting)
    try {
      await this.#spool?.put(arrival.requests)
      arrival.resolve({ in: 'spool', reason })
    } catch (error) {
      arrival.reject(error)
    }
    this.#putting.delete(putting)
    // Also after a put that failed: it may be there, and the mode ends with a drain.
    this.#onSpooled()
  }

  /** Whether anything still waits. */
  #refuseOverdue(): boolean {
    const [first] = this.#appending
    if (first && this.#budget.isOver(first.begun)) {
      const reason = `The store did not answer within ${this.#timeoutMs} ms`
      if (this.#spool) this.#detour(reason)
      else this.#refuse(this.#appending, reason)
    }
    this.#refuse(this.#putting, `The spool did not answer within ${this.#timeoutMs} ms`)
    return this.#appending.size + this.#putting.size > 0
  }

  #refuse(waiting: Set<Arrival>, reason: string): void {
    for (const arrival of waiting) {
      if (!this.#budget.isOver(arrival.begun)) return
      waiting.delete(arrival)
      arrival.reject(new CommsError('store_unavailable', `${reason}; it may still be recorded`, { retryAfterMs: RETRY_AFTER_MS }))
    }
  }
}
