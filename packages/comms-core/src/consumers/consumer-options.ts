import type { RecordedEvent } from '../events/recorded-event.ts'
import type { Sleep } from '../pause.ts'
import type { Clock } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import type { CheckpointStore } from './checkpoint-store.ts'
import type { WakeUp } from './log-feed.ts'

export interface ConsumerOptions {
  /** The name its checkpoint is kept under. Two consumers that run under one name do the same work twice. */
  readonly id: string
  /** The log. Not closed by the consumer. */
  readonly store: EventStore
  readonly checkpoints: CheckpointStore
  /**
   * Does the work for one event; the next one comes when it resolves. `tries` is 1 at first. `signal` is the option below: `stop()` does
   * not abort it. May see an event again after a crash, so make it safe to repeat: see `runConsumer`.
   */
  readonly handle: (event: RecordedEvent, context: { readonly signal: AbortSignal; readonly tries: number }) => Promise<void> | void
  /** How often an event is tried before it counts as poison. 10 tries with the waits below last about two minutes, a database's restart. @default 10 */
  readonly maxTries?: number
  /** The longest wait before the second try, in milliseconds; it doubles each time. @default 200 */
  readonly firstRetryMs?: number
  /** No wait is longer, in milliseconds, unless the error's `retryAfterMs` says so. @default 30000 */
  readonly maxRetryMs?: number
  /** What becomes of poison: `stop` ends the consumer with the error before it, `skip` leaves it behind. Skipping loses an effect, so it is not the default. @default 'stop' */
  readonly onPoison?: 'stop' | 'skip'
  /** Told of everything that goes wrong, and waited for. Put a skipped event aside here. When it throws, the consumer ends with that error. */
  readonly onProblem?: (problem: ConsumerProblem) => Promise<void> | void
  /** The checkpoint is saved after this many events, and whenever the log is read to its end. A crash repeats no more than these. @default 100 */
  readonly saveEvery?: number
  /** It is saved too when the last save is this many milliseconds ago, for handlers that are slow. @default 1000 */
  readonly saveEveryMs?: number
  /** Wait at the end of the log before it is read again, in milliseconds. With a `wakeUp` the safety net beneath it. @default 1000 */
  readonly pollMs?: number
  /** Ends the wait early: see the example. */
  readonly wakeUp?: WakeUp
  /** Ends the consumer as `stop()` does, but aborts the signal of the event under way too. */
  readonly signal?: AbortSignal
  readonly clock?: Pick<Clock, 'now'>
  readonly sleep?: Sleep
  /** A number from 0 up to 1, for the jitter of the waits. @default Math.random */
  readonly random?: () => number
}

/** What went wrong, and what the consumer does about it. */
export interface ConsumerProblem {
  /** `handle`: the work on `event`. `read`: reading the log. `checkpoint`: loading or saving the position. */
  readonly during: 'handle' | 'read' | 'checkpoint'
  readonly error: unknown
  /** The event under way; with `handle` only. */
  readonly event?: RecordedEvent
  /** How often it failed in a row. */
  readonly tries: number
  readonly next: 'retry' | 'skip' | 'stop'
}
