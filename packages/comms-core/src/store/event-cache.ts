import { CircuitBreaker } from '../circuit-breaker.ts'
import { CommsError, isCommsError } from '../errors.ts'
import type { NewEvent } from '../events/message-event.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import type { Sleep } from '../pause.ts'
import { TimeBudget } from '../time-budget.ts'
import type { AppendRequest, AppendResult, EventStore, ReadAllOptions, ReadStreamOptions } from './event-store.ts'
import { RecentEvents } from './recent-events.ts'
import { roughBytesOf } from './rough-bytes.ts'

export interface EventCacheOptions {
  /** Where the events go. Closed by the cache's `close()`. */
  readonly store: EventStore
  /** Most events in one write. At 100 a synced write costs little more than at 1, and a lone event still waits for nobody. @default 100 */
  readonly maxBatch?: number
  /**
   * Most writes under way at once, when the store is quick: what waits is shared between them, and while the store makes one durable
   * the next is made ready. Events of one stream are never in two, so they keep their order. @default 2
   */
  readonly maxWrites?: number
  /** Most events that wait; more are refused with `store_overloaded`, so that memory stays bounded while the store is slow. @default 10000 */
  readonly maxPending?: number
  /**
   * Most bytes that wait, estimated from the lengths of texts; more are refused with `store_overloaded`: a few large bodies take as much
   * memory as many small ones. @default 67108864 (64 MiB)
   */
  readonly maxPendingBytes?: number
  /**
   * How long one write may take, in milliseconds, before the store counts as away: then all that waits is refused with
   * `store_unavailable`. An append is answered in at most about twice this. A write that was given up goes on, so its events may be
   * recorded later; appended again, they are repeats. @default 5000
   */
  readonly writeTimeoutMs?: number
  /** How many of the newest events at least stay in memory for `find`; at most twice as many do. @default 1000 */
  readonly recent?: number
  /** Told of each event that waits for the next write, and of how many now do. For logs. */
  readonly onQueued?: (event: NewEvent, pending: number) => void
  /** Milliseconds from any beginning, which never go back. @default performance.now */
  readonly now?: () => number
  /** @default a timer */
  readonly sleep?: Sleep
  /** @default Math.random */
  readonly random?: () => number
}

export interface EventCacheState {
  /** Events that wait or are being written. */
  readonly pending: number
  /** Writes so far, failed ones left out. */
  readonly writes: number
  /** Events in the last write. */
  readonly lastBatch: number
  /** How long the last write took until it was durable, in milliseconds. */
  readonly lastFlushMs: number
  /** While the store is away: why, and in how many milliseconds it is tried again. */
  readonly away?: { readonly reason: string; readonly retryAfterMs: number }
}

/** An {@link EventStore} in front of another one: see {@link eventCache}. */
export interface EventCache extends EventStore {
  state(): EventCacheState
  /**
   * The log from a position on, and then what this process records, as it is recorded: for consumers in the same process. Ends with
   * the signal or when the cache is closed. What other processes record is seen when this one records next.
   */
  tail(options: { readonly after?: Position; readonly signal: AbortSignal }): AsyncIterable<RecordedEvent>
}

/**
 * Batches appends in front of any store: those that wait while writes are under way go together in the next one, so the store syncs
 * once for many and a lone event waits for nobody. Each caller still hears only of its own requests, and only when they are durable.
 *
 * A batch that fails for its content is split until the poison request stands alone; the others are recorded. Beside the promises of
 * an EventStore, `append` throws `store_overloaded` when more than `maxPending` events or `maxPendingBytes` wait. Do not change events
 * before it resolves.
 *
 * A store that is away (`store_unavailable`, or no answer within `writeTimeoutMs`) is left alone for a while: all that waits is refused
 * at once, and so is what comes, with `store_unavailable` and `retryAfterMs`. Then one write tries it. What was refused may have been
 * recorded, or may be so later, when the outcome of its write is unknown.
 * @example
 * const store = eventCache({ store: memoryEventStore() })
 */
export function eventCache(options: EventCacheOptions): EventCache {
  return new BatchingCache(options)
}

/** Fewer appends than this go in one write: a second one would cost more than it gains. */
const WORTH_A_WRITE = 16
/** A store that takes longer for a write is waited for anyway: the more goes in one write the better. */
const QUICK_WRITE_MS = 2

/** Below this many events that wait, their bytes are not looked at: even of the largest webhooks they take little. */
const FEW_EVENTS = 32
const AWAY = { failures: 1, firstMs: 100, maxMs: 5_000 }

interface Waiting {
  readonly requests: readonly AppendRequest[]
  readonly size: number
  readonly bytes: number
  /** For `TimeBudget.isOver`. */
  readonly begun: number
  isAnswered: boolean
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

/** One write under way. */
interface Write {
  readonly streams: ReadonlySet<string>
  readonly batch: readonly Waiting[]
  readonly begun: number
  /** Why its callers hear nothing of it any more. */
  givenUp?: CommsError
}

class BatchingCache implements EventCache {
  readonly #store: EventStore
  readonly #maxBatch: number
  readonly #maxWrites: number
  readonly #maxPending: number
  readonly #maxPendingBytes: number
  readonly #writeTimeoutMs: number
  readonly #budget: TimeBudget
  readonly #breaker: CircuitBreaker
  readonly #onQueued: ((event: NewEvent, pending: number) => void) | undefined
  readonly #recent: RecentEvents
  readonly #tails = new Set<() => void>()
  #waiting: Waiting[] = []
  #pending = 0
  #pendingBytes = 0
  #away: CommsError | undefined
  #writes = 0
  #lastBatch = 0
  #lastFlushMs = 0
  /** The writes under way that are waited for. */
  readonly #writing = new Set<Write>()
  #starting = false
  #idle: (() => void)[] = []
  #closing: Promise<void> | undefined

  constructor(options: EventCacheOptions) {
    this.#store = options.store
    this.#maxBatch = atLeastOne('maxBatch', options.maxBatch ?? 100)
    this.#maxWrites = atLeastOne('maxWrites', options.maxWrites ?? 2)
    this.#maxPending = atLeastOne('maxPending', options.maxPending ?? 10_000)
    this.#maxPendingBytes = atLeastOne('maxPendingBytes', options.maxPendingBytes ?? 67_108_864)
    this.#writeTimeoutMs = atLeastOne('writeTimeoutMs', options.writeTimeoutMs ?? 5_000)
    this.#budget = new TimeBudget(this.#writeTimeoutMs, () => this.#giveUpOverdue(), options.sleep)
    const { now = () => performance.now(), random = Math.random } = options
    this.#breaker = new CircuitBreaker({ ...AWAY, clock: { now }, random })
    this.#recent = new RecentEvents(options.recent ?? 1000)
    this.#onQueued = options.onQueued
  }

  state(): EventCacheState {
    const { message, retryAfterMs = 0 } = this.#refusal() ?? {}
    return {
      pending: this.#pending,
      writes: this.#writes,
      lastBatch: this.#lastBatch,
      lastFlushMs: this.#lastFlushMs,
      ...(message === undefined ? {} : { away: { reason: message, retryAfterMs } }),
    }
  }

  append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      const refusal = this.#refusal()
      if (refusal) throw refusal
      let size = 0
      for (const { events } of requests) size += events.length
      // A call larger than the limit passes when nothing waits: it could never pass otherwise.
      if (this.#pending > 0 && this.#pending + size > this.#maxPending) {
        throw new CommsError('store_overloaded', `${this.#pending} events wait for the store, the limit is ${this.#maxPending}`, {
          retryAfterMs: 1000,
        })
      }
      const bytes = this.#pending < FEW_EVENTS ? 0 : roughBytesOf(requests)
      if (bytes > 0 && this.#pendingBytes + bytes > this.#maxPendingBytes) {
        throw new CommsError(
          'store_overloaded',
          `About ${this.#pendingBytes} bytes wait for the store, the limit is ${this.#maxPendingBytes}`,
          { retryAfterMs: 1000 },
        )
      }
      this.#waiting.push({ requests, size, bytes, begun: this.#budget.begin(), isAnswered: false, resolve, reject })
      this.#pending += size
      this.#pendingBytes += bytes
      if (this.#onQueued) this.#tellQueued(requests, this.#pending - size)
      this.#startSoon()
    })
  }

  async find(idempotencyKey: string): Promise<RecordedEvent | undefined> {
    this.#checkOpen()
    return this.#recent.find(idempotencyKey) ?? this.#store.find(idempotencyKey)
  }

  readStream(streamId: string, options?: ReadStreamOptions): AsyncIterable<RecordedEvent> {
    return this.#store.readStream(streamId, options)
  }

  readAll(options?: ReadAllOptions): AsyncIterable<RecordedEvent> {
    return this.#store.readAll(options)
  }

  async *tail({ after, signal }: { readonly after?: Position; readonly signal: AbortSignal }): AsyncIterable<RecordedEvent> {
    let last = after
    while (!signal.aborted && !this.#closing) {
      // Asked for before reading: what is recorded while we read is not missed.
      const more = this.#recordedNext(signal)
      try {
        for await (const event of this.#store.readAll(last === undefined ? { signal } : { after: last, signal })) {
          last = event.position
          yield event
        }
      } catch (error) {
        if (signal.aborted || this.#closing) return
        throw error
      }
      await more
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeWhenIdle()
    return this.#closing
  }

  #tellQueued(requests: readonly AppendRequest[], before: number): void {
    let pending = before
    for (const { events } of requests) {
      for (const event of events) {
        pending += 1
        this.#onQueued?.(event, pending)
      }
    }
  }

  #recordedNext(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        this.#tails.delete(wake)
        resolve()
      }
      this.#tails.add(wake)
      signal.addEventListener('abort', wake)
    })
  }

  #wakeTails(): void {
    for (const wake of [...this.#tails]) wake()
  }

  async #closeWhenIdle(): Promise<void> {
    if (this.#waiting.length > 0 || this.#writing.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
    this.#budget.stop()
    this.#wakeTails()
    await this.#store.close()
  }

  /** What is appended in the same turn goes together. */
  #startSoon(): void {
    if (this.#starting || this.#writing.size >= this.#mostWrites()) return
    this.#starting = true
    queueMicrotask(() => {
      this.#starting = false
      this.#startWrites()
    })
  }

  #mostWrites(): number {
    return this.#lastFlushMs < QUICK_WRITE_MS ? this.#maxWrites : 1
  }

  #startWrites(): void {
    while (this.#waiting.length > 0 && this.#writing.size < this.#mostWrites()) {
      const { batch, streams } = this.#takeBatch()
      if (batch.length === 0) return
      const write: Write = { streams, batch, begun: this.#budget.begin() }
      this.#writing.add(write)
      void this.#write(write, batch).then(() => this.#ended(write))
    }
  }

  #ended(write: Write): void {
    if (!this.#writing.delete(write)) return
    if (this.#waiting.length > 0) this.#startSoon()
    else if (this.#writing.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /**
   * This write's share of what waits, and what belongs to the same streams, up to the first append to a stream that another write is
   * about: it must not overtake it.
   */
  #takeBatch(): { batch: readonly Waiting[]; streams: ReadonlySet<string> } {
    if (!this.#breaker.take()) return { batch: [], streams: new Set() }
    const share = Math.max(WORTH_A_WRITE, Math.ceil(this.#waiting.length / (this.#mostWrites() - this.#writing.size)))
    const others = [...this.#writing].map(({ streams }) => streams)
    const streams = new Set<string>()
    let events = 0
    let count = 0
    for (const { requests, size } of this.#waiting) {
      if (count > 0 && events + size > this.#maxBatch) break
      if (others.some((other) => isAbout(requests, other))) break
      if (count >= share && !isAbout(requests, streams)) break
      for (const { streamId } of requests) streams.add(streamId)
      events += size
      count += 1
    }
    if (count === 0) this.#breaker.skipped()
    const batch = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    return { batch, streams }
  }

  async #write(write: Write, batch: readonly Waiting[]): Promise<void> {
    // The first half of a batch found the store away: this half would fare no better.
    if (write.givenUp) return this.#reject(batch, write.givenUp)
    const startedAt = performance.now()
    try {
      const together: AppendRequest[] = []
      for (const { requests } of batch) for (const request of requests) together.push(request)
      const appending = this.#store.append(together)
      // While the store works; afterwards the callers wait.
      const copies = this.#recent.copy(together)
      const results = await appending
      this.#breaker.succeeded()
      this.#away = undefined
      this.#writes += 1
      this.#lastFlushMs = performance.now() - startedAt
      this.#lastBatch = 0
      this.#recent.add(copies, results)
      if (write.givenUp) return this.#wakeTails()
      let next = 0
      for (const waiting of batch) {
        const { requests, size, resolve } = waiting
        this.#answered(waiting)
        this.#lastBatch += size
        resolve(requests.length === 1 ? [results[next] as AppendResult] : results.slice(next, next + requests.length))
        next += requests.length
      }
      this.#wakeTails()
    } catch (error) {
      // What a write that was given up ends with is old news.
      if (write.givenUp) return
      if (isCommsError(error, 'store_unavailable')) return this.#foundAway(write, batch, error)
      if (isStoreError(error)) {
        this.#breaker.skipped()
        return this.#reject(batch, error)
      }
      this.#breaker.succeeded()
      if (batch.length === 1) return this.#reject(batch, error)
      const middle = Math.ceil(batch.length / 2)
      await this.#write(write, batch.slice(0, middle))
      await this.#write(write, batch.slice(middle))
    }
  }

  /** The store is away: this write, and all that waits, would wait in vain. */
  #foundAway(write: Write, batch: readonly Waiting[], error: CommsError): void {
    write.givenUp = error
    this.#away = error
    this.#breaker.failed(error, { atOnce: true })
    this.#reject(batch, error)
    this.#reject(this.#waiting.splice(0), error)
  }

  /** Whether anything still waits for the store. */
  #giveUpOverdue(): boolean {
    for (const write of this.#writing) {
      if (!this.#budget.isOver(write.begun)) continue
      const message = `The store did not answer within ${this.#writeTimeoutMs} ms; what was given to it may still be recorded`
      this.#foundAway(write, write.batch, new CommsError('store_unavailable', message))
      // Its streams are free again: whoever keeps an order appends what was refused before what comes later.
      this.#ended(write)
    }
    let overdue = 0
    while (overdue < this.#waiting.length && this.#budget.isOver((this.#waiting[overdue] as Waiting).begun)) overdue += 1
    const message = `Waited longer than ${this.#writeTimeoutMs} ms for the store, which is slow`
    this.#reject(this.#waiting.splice(0, overdue), new CommsError('store_unavailable', message, { retryAfterMs: 1000 }))
    return this.#pending > 0
  }

  #reject(batch: readonly Waiting[], error: unknown): void {
    for (const waiting of batch) {
      if (waiting.isAnswered) continue
      this.#answered(waiting)
      waiting.reject(error)
    }
  }

  #answered(waiting: Waiting): void {
    waiting.isAnswered = true
    this.#pending -= waiting.size
    this.#pendingBytes -= waiting.bytes
  }

  /** Why an append is refused now, while the store is left alone. */
  #refusal(): CommsError | undefined {
    const breaker = this.#breaker
    if (!breaker.isOpen || breaker.isClosed) return undefined
    return new CommsError('store_unavailable', this.#away?.message ?? 'The store is away', {
      // One write tries it now when there is nothing to wait for.
      retryAfterMs: Math.ceil(breaker.waitMs()) || AWAY.firstMs,
      cause: this.#away,
    })
  }

  #checkOpen(): void {
    if (this.#closing) throw new CommsError('store_closed', 'The event cache was closed')
  }
}

function isAbout(requests: readonly AppendRequest[], streams: ReadonlySet<string>): boolean {
  return requests.some(({ streamId }) => streams.has(streamId))
}

/** Whether every request of the batch would fail in the same way. */
function isStoreError(error: unknown): boolean {
  return isCommsError(error) && error.code.startsWith('store_')
}

function atLeastOne(option: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value
  throw new CommsError('configuration_invalid', `eventCache: ${option}: expected a whole number from 1, got ${value}`)
}
