import { CommsError, isCommsError } from '../errors.ts'
import type { NewEvent } from '../events/message-event.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { TimeBudget } from '../time-budget.ts'
import { checkCacheOptions, type EventCache, type EventCacheOptions, type EventCacheState } from './event-cache-options.ts'
import type { AppendRequest, AppendResult, EventStore, ReadAllOptions, ReadStreamOptions } from './event-store.ts'
import { type PendingAppend, PendingAppends } from './pending-appends.ts'
import { RecentEvents } from './recent-events.ts'
import { StoreAvailability } from './store-availability.ts'

/**
 * Batches appends in front of any store: those that wait while writes are under way go together in the next one, so the store syncs
 * once for many and a lone event waits for nobody. Each caller still hears only of its own requests, and only when they are durable.
 *
 * A batch that fails for its content is split until the poison request stands alone; the others are recorded. Beside the promises of
 * an EventStore, `append` throws `store_overloaded` when more than `maxPending` events or `maxPendingBytes` wait. Do not change events
 * before it resolves.
 *
 * When the store is away (`store_unavailable`, or no answer within `writeTimeoutMs`), all that waits is refused at once. After three
 * outages in a row, or one that took longer than a second, the store is left alone for a while: what comes is refused at once with
 * `store_unavailable` and `retryAfterMs`, then one write tries the store. What was refused may have been recorded, or may be so later, when
 * the outcome of its write is unknown.
 * @example
 * const store = eventCache({ store: memoryEventStore() })
 */
export function eventCache(options: EventCacheOptions): EventCache {
  checkCacheOptions(options)
  return new BatchingCache(options)
}

/** Fewer appends than this go in one write: a second one would cost more than it gains. */
const WORTH_A_WRITE = 16
/** A store that takes longer for a write is waited for anyway: the more goes in one write the better. */
const QUICK_WRITE_MS = 2

/** One write under way. */
interface Write {
  readonly streams: ReadonlySet<string>
  readonly batch: readonly PendingAppend[]
  readonly begun: number
  /** Why its callers hear nothing of it any more. */
  givenUp?: CommsError
}

class BatchingCache implements EventCache {
  readonly #store: EventStore
  readonly #maxBatch: number
  readonly #maxWrites: number
  readonly #writeTimeoutMs: number
  readonly #budget: TimeBudget
  readonly #availability: StoreAvailability
  readonly #pending: PendingAppends
  readonly #onQueued: ((event: NewEvent, pending: number) => void) | undefined
  readonly #recent: RecentEvents
  readonly #tails = new Set<() => void>()
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
    this.#maxBatch = options.maxBatch ?? 100
    this.#maxWrites = options.maxWrites ?? 2
    this.#pending = new PendingAppends({
      maxEvents: options.maxPending ?? 10_000,
      maxBytes: options.maxPendingBytes ?? 67_108_864,
    })
    this.#writeTimeoutMs = options.writeTimeoutMs ?? 5_000
    this.#budget = new TimeBudget(this.#writeTimeoutMs, () => this.#giveUpOverdue(), options.sleep)
    this.#availability = new StoreAvailability(options)
    this.#recent = new RecentEvents(options.recent ?? 1000)
    this.#onQueued = options.onQueued
  }

  state(): EventCacheState {
    const { message, retryAfterMs = 0 } = this.#availability.refusal() ?? {}
    return {
      pending: this.#pending.events,
      writes: this.#writes,
      lastBatch: this.#lastBatch,
      lastFlushMs: this.#lastFlushMs,
      ...(message === undefined ? {} : { away: { reason: message, retryAfterMs } }),
    }
  }

  append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      const refusal = this.#availability.refusal()
      if (refusal) throw refusal
      const before = this.#pending.events
      this.#pending.add({ requests, begun: this.#budget.begin(), resolve, reject })
      if (this.#onQueued) this.#tellQueued(requests, before)
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
        // The store behind the cache may have been closed without it.
        if (signal.aborted || this.#closing || isCommsError(error, 'store_closed')) return
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
    if (this.#pending.waiting.length > 0 || this.#writing.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
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
    while (this.#pending.waiting.length > 0 && this.#writing.size < this.#mostWrites()) {
      const { batch, streams } = this.#takeBatch()
      if (batch.length === 0) return
      const write: Write = { streams, batch, begun: this.#budget.begin() }
      this.#writing.add(write)
      void this.#write(write, batch).then(() => this.#ended(write))
    }
  }

  #ended(write: Write): void {
    if (!this.#writing.delete(write)) return
    if (this.#pending.waiting.length > 0) this.#startSoon()
    else if (this.#writing.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /**
   * This write's share of what waits, and what belongs to the same streams, up to the first append to a stream that another write is
   * about: it must not overtake it.
   */
  #takeBatch(): { batch: readonly PendingAppend[]; streams: ReadonlySet<string> } {
    if (!this.#availability.take()) return { batch: [], streams: new Set() }
    const share = Math.max(WORTH_A_WRITE, Math.ceil(this.#pending.waiting.length / (this.#mostWrites() - this.#writing.size)))
    const others = [...this.#writing].map(({ streams }) => streams)
    const streams = new Set<string>()
    let events = 0
    let count = 0
    for (const { requests, size } of this.#pending.waiting) {
      if (count > 0 && events + size > this.#maxBatch) break
      if (others.some((other) => isAbout(requests, other))) break
      if (count >= share && !isAbout(requests, streams)) break
      for (const { streamId } of requests) streams.add(streamId)
      events += size
      count += 1
    }
    if (count === 0) this.#availability.skipped()
    return { batch: this.#pending.take(count), streams }
  }

  async #write(write: Write, batch: readonly PendingAppend[]): Promise<void> {
    // The first half of a batch found the store away: this half would fare no better.
    if (write.givenUp) return this.#pending.reject(batch, write.givenUp)
    const startedAt = performance.now()
    try {
      const together: AppendRequest[] = []
      for (const { requests } of batch) for (const request of requests) together.push(request)
      const appending = this.#store.append(together)
      // While the store works; afterwards the callers wait.
      const copies = this.#recent.copy(together)
      const results = await appending
      this.#availability.answered()
      this.#writes += 1
      this.#lastFlushMs = performance.now() - startedAt
      this.#lastBatch = batch.reduce((sum, { size }) => sum + size, 0)
      this.#recent.add(copies, results)
      if (!write.givenUp) this.#pending.resolve(batch, results)
      this.#wakeTails()
    } catch (error) {
      // What a write that was given up ends with is old news.
      if (write.givenUp) return
      if (isCommsError(error, 'store_unavailable')) return this.#foundAway(write, batch, error, performance.now() - startedAt)
      if (isStoreError(error)) {
        this.#availability.skipped()
        return this.#pending.reject(batch, error)
      }
      this.#availability.answered()
      if (batch.length === 1) return this.#pending.reject(batch, error)
      const middle = Math.ceil(batch.length / 2)
      await this.#write(write, batch.slice(0, middle))
      await this.#write(write, batch.slice(middle))
    }
  }

  /** The store is away: this write, and all that waits, would wait in vain. */
  #foundAway(write: Write, batch: readonly PendingAppend[], error: CommsError, afterMs: number): void {
    write.givenUp = error
    this.#availability.away(error, afterMs)
    this.#pending.reject(batch, error)
    this.#pending.reject(this.#pending.take(this.#pending.waiting.length), error)
  }

  /** Whether anything still waits for the store. */
  #giveUpOverdue(): boolean {
    for (const write of this.#writing) {
      if (!this.#budget.isOver(write.begun)) continue
      const message = `The store did not answer within ${this.#writeTimeoutMs} ms; what was given to it may still be recorded`
      this.#foundAway(write, write.batch, new CommsError('store_unavailable', message), Number.POSITIVE_INFINITY)
      // Its streams are free again: whoever keeps an order appends what was refused before what comes later.
      this.#ended(write)
    }
    const { waiting } = this.#pending
    let overdue = 0
    while (overdue < waiting.length && this.#budget.isOver((waiting[overdue] as PendingAppend).begun)) overdue += 1
    const message = `Waited longer than ${this.#writeTimeoutMs} ms for the store, which is slow`
    this.#pending.reject(this.#pending.take(overdue), new CommsError('store_unavailable', message, { retryAfterMs: 1000 }))
    return this.#pending.events > 0
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
