import type { CommsError } from '../errors.ts'
import type { AppendRequest, EventStore } from './event-store.ts'

/** A durable waiting room for appends while the store is away. */
export interface Spool {
  /**
   * Keeps the requests. Resolves when they are durable.
   * @throws CommsError `store_overloaded` when the spool is full, `store_unavailable` when it cannot be written: then nothing may be
   * acknowledged.
   */
  put(requests: readonly AppendRequest[]): Promise<void>
  /**
   * Appends what waits to the store, oldest first, and forgets what was recorded; repeats in the store are no harm. Stops when the
   * store is away. What the store refuses for its content is tried a bounded number of times, then set aside and reported; it never
   * blocks what waits behind it.
   */
  drain(store: EventStore, options: { readonly signal: AbortSignal }): Promise<DrainReport>
  /** How many calls of `put` wait. */
  size(): Promise<number>
}

export interface DrainReport {
  /** Events that were new to the store. */
  readonly recorded: number
  /** How many still wait. */
  readonly left: number
  /** Where the requests lie that were set aside in this call. */
  readonly setAside: readonly string[]
  /** Why draining stopped early: the store is still away. */
  readonly unavailable?: CommsError
}
