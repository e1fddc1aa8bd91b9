import { CommsError, isCommsError } from '../errors.ts'
import type { NewEvent } from '../events/message-event.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import type { AppendRequest, AppendResult, EventStore, ReadAllOptions, ReadStreamOptions } from './event-store.ts'
import { RecentEvents } from './recent-events.ts'

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
  /** How many of the newest events at least stay in memory for `find`; at most twice as many do. @default 1000 */
  readonly recent?: number
  /** Told of each event that waits for the next write, and of how many now do. For logs. */
  readonly onQueued?: (event: NewEvent, pending: number) => void
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
 * an EventStore, `append` throws `store_overloaded` when more than `maxPending` events wait. Do not change events before it resolves.
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

interface Waiting {
  readonly requests: readonly AppendRequest[]
  readonly size: number
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

class BatchingCache implements EventCache {
  readonly #store: EventStore
  readonly #maxBatch: number
  readonly #maxWrites: number
  readonly #maxPending: number
  readonly #onQueued: ((event: NewEvent, pending: number) => void) | undefined
  readonly #recent: RecentEvents
  readonly #tails = new Set<() => void>()
  #waiting: Waiting[] = []
  #pending = 0
  #writes = 0
  #lastBatch = 0
  #lastFlushMs = 0
  /** The writes under way: the streams that each is about. */
  readonly #writing = new Set<ReadonlySet<string>>()
  #starting = false
  #idle: (() => void)[] = []
  #closing: Promise<void> | undefined

  constructor(options: EventCacheOptions) {
    this.#store = options.store
    this.#maxBatch = atLeastOne('maxBatch', options.maxBatch ?? 100)
    this.#maxWrites = atLeastOne('maxWrites', options.maxWrites ?? 2)
    this.#maxPending = atLeastOne('maxPending', options.maxPending ?? 10_000)
    this.#recent = new RecentEvents(options.recent ?? 1000)
    this.#onQueued = options.onQueued
  }

  state(): EventCacheState {
    return { pending: this.#pending, writes: this.#writes, lastBatch: this.#lastBatch, lastFlushMs: this.#lastFlushMs }
  }

  append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      let size = 0
      for (const { events } of requests) size += events.length
      // A call larger than the limit passes when nothing waits: it could never pass otherwise.
      if (this.#pending > 0 && this.#pending + size > this.#maxPending) {
        throw new CommsError('store_overloaded', `${this.#pending} events wait for the store, the limit is ${this.#maxPending}`, {
          retryAfterMs: 1000,
        })
      }
      this.#waiting.push({ requests, size, resolve, reject })
      this.#pending += size
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
    if (this.#waiting.length > 0 || this.#writing.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
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
      this.#writing.add(streams)
      void this.#write(batch).then(() => {
        this.#writing.delete(streams)
        if (this.#waiting.length > 0) this.#startSoon()
        else if (this.#writing.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
      })
    }
  }

  /**
   * This write's share of what waits, and what belongs to the same streams, up to the first append to a stream that another write is
   * about: it must not overtake it.
   */
  #takeBatch(): { batch: readonly Waiting[]; streams: ReadonlySet<string> } {
    const share = Math.max(WORTH_A_WRITE, Math.ceil(this.#waiting.length / (this.#mostWrites() - this.#writing.size)))
    const others = [...this.#writing]
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
    const batch = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    return { batch, streams }
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const startedAt = performance.now()
    try {
      const together: AppendRequest[] = []
      for (const { requests } of batch) for (const request of requests) together.push(request)
      const appending = this.#store.append(together)
      // While the store works; afterwards the callers wait.
      const copies = this.#recent.copy(together)
      const results = await appending
      this.#writes += 1
      this.#lastFlushMs = performance.now() - startedAt
      this.#lastBatch = 0
      this.#recent.add(copies, results)
      let next = 0
      for (const { requests, size, resolve } of batch) {
        this.#pending -= size
        this.#lastBatch += size
        resolve(requests.length === 1 ? [results[next] as AppendResult] : results.slice(next, next + requests.length))
        next += requests.length
      }
      this.#wakeTails()
    } catch (error) {
      if (batch.length > 1 && !isOutage(error)) {
        const middle = Math.ceil(batch.length / 2)
        await this.#write(batch.slice(0, middle))
        await this.#write(batch.slice(middle))
        return
      }
      for (const { size, reject } of batch) {
        this.#pending -= size
        reject(error)
      }
    }
  }

  #checkOpen(): void {
    if (this.#closing) throw new CommsError('store_closed', 'The event cache was closed')
  }
}

function isAbout(requests: readonly AppendRequest[], streams: ReadonlySet<string>): boolean {
  return requests.some(({ streamId }) => streams.has(streamId))
}

/** Whether every request of the batch would fail in the same way. */
function isOutage(error: unknown): boolean {
  return isCommsError(error) && error.code.startsWith('store_')
}

function atLeastOne(option: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value
  throw new CommsError('configuration_invalid', `eventCache: ${option}: expected a whole number from 1, got ${value}`)
}
