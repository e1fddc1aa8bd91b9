import type { NewEvent } from '../events/message-event.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'

/**
 * An append-only log of events in streams. The port that every store implements; `@pipe-comms/core/conformance` proves each of
 * these promises against a store.
 */
export interface EventStore {
  /**
   * Records each request whole or not at all, in the order given; one request's conflict does not touch the others. Resolves when
   * what it reports is durable: it survives a crash of this process.
   *
   * An event whose idempotencyKey is already in the log, in any stream, is not recorded again: the first recording comes back,
   * marked repeated. A request of repeats only is answered with them, whatever its expectedVersion, so that an append may be
   * tried again after an unknown outcome.
   *
   * Implementers must keep: versions from 1 without gaps in each stream; positions that rise with the order of recording; one
   * winner among concurrent appends of the same key or the same expectedVersion; text exactly as it came.
   * @throws CommsError `store_unavailable` (nothing of this call is acknowledged; try again), `event_invalid` (can never be
   * stored), `store_closed`.
   */
  append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]>

  /** The event recorded under this key, if any. Sees every append that was acknowledged before. */
  find(idempotencyKey: string): Promise<RecordedEvent | undefined>

  /**
   * One stream, oldest first. An unknown stream is an empty one. Ends where the stream ends when the reader gets there.
   * @throws the signal's reason when it is aborted.
   */
  readStream(streamId: string, options?: ReadStreamOptions): AsyncIterable<RecordedEvent>

  /**
   * The whole log, oldest first. Must never skip: nothing may later appear before a position already given out. Ends where the log
   * ends when the reader gets there.
   * @throws CommsError `position_invalid` when `after` is not a position of this log; the signal's reason when it is aborted.
   */
  readAll(options?: ReadAllOptions): AsyncIterable<RecordedEvent>

  /** Waits for what was accepted, then lets everything go. Later calls are refused with `store_closed`. A second close does nothing. */
  close(): Promise<void>
}

export interface AppendRequest {
  readonly streamId: string
  readonly events: readonly NewEvent[]
  /** The version the stream must have for the request to be recorded; 0: it must be new. Left out: any. */
  readonly expectedVersion?: number
}

export type AppendResult =
  | {
      readonly status: 'recorded'
      /** One for each event of the request, in its order. `repeated`: it was there before. */
      readonly events: readonly { readonly event: RecordedEvent; readonly repeated: boolean }[]
      /** The stream's version after the request. */
      readonly version: number
    }
  | { readonly status: 'conflict'; readonly actualVersion: number }

export interface ReadStreamOptions {
  /** The first version wanted. @default 1 */
  readonly fromVersion?: number
  readonly signal?: AbortSignal
}

export interface ReadAllOptions {
  /** The last position already seen; reading goes on behind it. Left out: from the beginning. */
  readonly after?: Position
  readonly signal?: AbortSignal
}
