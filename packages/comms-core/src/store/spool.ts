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
   * blocks what waits behind it. Also takes over what instances that are gone left in a spool shared with them, so it is called again
   * and again when nothing waits here.
   */
  drain(store: EventStore, options: { readonly signal: AbortSignal }): Promise<DrainReport>
  /** How many calls of `put` wait that must be recorded before what comes now; those whose promise is pending count. */
  size(): Promise<number>
  /** Waits for the calls of `put` under way and lets everything go. What still waits is for the next who opens the spool. */
  close?(): Promise<void>
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
