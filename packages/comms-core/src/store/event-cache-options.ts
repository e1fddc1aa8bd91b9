import { callback, checkOf, optionsObject, type Shape, storeOption, wholeNumber } from '../check-options.ts'
import type { NewEvent } from '../events/message-event.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import type { Sleep } from '../pause.ts'
import type { EventStore } from './event-store.ts'

export interface EventCacheOptions {
  /** Where the events go. Closed by the cache's `close()`. */
  readonly store: EventStore
  /** Most events in one write. At 100 a synced write costs little more than at 1, and a lone event is still written at once. @default 100 */
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
  /** Called with each event that waits for the next write, and how many wait now. For logs. */
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

/** An {@link EventStore} in front of another one: see `eventCache`. */
export interface EventCache extends EventStore {
  state(): EventCacheState
  /**
   * The log from a position on, and then what this process records, as it is recorded: for consumers in the same process. Ends with
   * the signal or when the cache is closed. What other processes record is seen when this one records next.
   */
  tail(options: { readonly after?: Position; readonly signal: AbortSignal }): AsyncIterable<RecordedEvent>
}

const cacheShape: Shape<EventCacheOptions> = {
  store: storeOption,
  maxBatch: wholeNumber(1).optional(),
  maxWrites: wholeNumber(1).optional(),
  maxPending: wholeNumber(1).optional(),
  maxPendingBytes: wholeNumber(1).optional(),
  writeTimeoutMs: wholeNumber(1).optional(),
  recent: wholeNumber(0).optional(),
  onQueued: callback.optional(),
  now: callback.optional(),
  sleep: callback.optional(),
  random: callback.optional(),
}

/** @throws CommsError `configuration_invalid` */
export const checkCacheOptions = checkOf('eventCache', optionsObject(cacheShape))
