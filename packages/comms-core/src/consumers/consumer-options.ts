import {
  callback,
  checkOf,
  checkpointsOption,
  clockOption,
  filledText,
  loggerOption,
  oneOf,
  optionsObject,
  readableStore,
  type Shape,
  signalOption,
  wholeNumber,
} from '../check-options.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import type { Sleep } from '../pause.ts'
import type { Clock, Logger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import type { CheckpointStore } from './checkpoint-store.ts'
import type { WakeUp } from './log-feed.ts'

export interface ConsumerOptions {
  /**
   * The name its checkpoint is kept under. A second consumer of this name on the same `checkpoints` is refused in one process; one in
   * another process is noticed when it moves the checkpoint, and does the same work a second time.
   */
  readonly id: string
  /** The log. Not closed by the consumer; when it is closed, the consumer stops. */
  readonly store: EventStore
  readonly checkpoints: CheckpointStore
  /**
   * Does the work for one event; the next one comes when it resolves. `tries` is 1 at first. `signal` is aborted by `stop({ abort: true })`,
   * by the option `signal`, when `stop()` has waited long enough, and after `handleTimeoutMs`. May see an event again after a crash, so make
   * it safe to repeat: see `runConsumer`. Never gets an `event.unreadable`.
   */
  readonly handle: (event: RecordedEvent, context: { readonly signal: AbortSignal; readonly tries: number }) => Promise<void> | void
  /**
   * The longest time for one try, in milliseconds; then its signal is aborted and the try has failed. A handler that ignores the signal may
   * still be at work when the event is tried again. @default no limit, because only you know what your handler does
   */
  readonly handleTimeoutMs?: number
  /** How often an event is tried before it counts as poison. 10 tries with the waits below last about two minutes, a database's restart. @default 10 */
  readonly maxTries?: number
  /**
   * An outage is not the event's fault: tries that fail with `store_unavailable`, `store_overloaded`, `directory_unavailable` or
   * `send_unavailable` do not count. An event that fails so for longer than this, in milliseconds, is poison all the same. @default 86400000 (a day)
   */
  readonly outageLimitMs?: number
  /** The longest wait before the second try, in milliseconds; it doubles each time. @default 200 */
  readonly firstRetryMs?: number
  /** No wait is longer, in milliseconds, unless the error's `retryAfterMs` says so. @default 30000 */
  readonly maxRetryMs?: number
  /**
   * What becomes of poison. `set-aside`: it is logged, reported to `onProblem` and listed in `state().setAside`, and the consumer goes on
   * with the next event. `stop`: the consumer ends with the error, its checkpoint before the event. @default 'set-aside'
   */
  readonly onPoison?: 'set-aside' | 'stop'
  /**
   * What to do when the checkpoint is not a place in this log: the log was copied to another store, or restored from an older copy.
   * `restart`: read from the beginning, so that each event is handled again. `stop`: end with `position_invalid`. @default 'restart'
   */
  readonly onForeignCheckpoint?: 'restart' | 'stop'
  /** Called with everything that goes wrong, and waited for. Keep an event that is set aside here. When it throws, the consumer ends with that error. */
  readonly onProblem?: (problem: ConsumerProblem) => Promise<void> | void
  /** The checkpoint is saved after this many events, and whenever the log is read to its end. A crash repeats no more than these. @default 100 */
  readonly saveEvery?: number
  /** It is saved too when the last save is this many milliseconds ago, for handlers that are slow. @default 1000 */
  readonly saveEveryMs?: number
  /** Wait at the end of the log before it is read again, in milliseconds. With a `wakeUp` the safety net beneath it. @default 1000 */
  readonly pollMs?: number
  /** Ends the wait early: see the example. */
  readonly wakeUp?: WakeUp
  /** How long `stop()` waits for the event under way before it aborts its signal, in milliseconds. @default 30000 */
  readonly stopTimeoutMs?: number
  /** Ends the consumer as `stop({ abort: true })` does. */
  readonly signal?: AbortSignal
  /** @default silent */
  readonly logger?: Logger
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
  /** The event it is about; with `handle`, and with an event that cannot be read. */
  readonly event?: RecordedEvent
  /** How often it failed in a row. */
  readonly tries: number
  /**
   * `set-aside`: the event is left behind. `pass`: it cannot be read by this release, and is left behind. `restart`: the log is read from
   * the beginning. `go-on`: nothing, but somebody should know.
   */
  readonly next: 'retry' | 'set-aside' | 'pass' | 'restart' | 'go-on' | 'stop'
}

/** An event that was left behind, and why. */
export interface SetAsideEvent {
  readonly position: Position
  readonly eventId: string
  readonly type: RecordedEvent['type']
  /** The message of the last error. */
  readonly reason: string
}

/** For metrics. How far behind the end of the log this is, only the store could tell. */
export interface ConsumerState {
  readonly status: 'running' | 'waiting' | 'retrying' | 'stopped' | 'failed'
  /** Of the last event handled or left behind, in earlier runs too; absent when there is none. */
  readonly position?: Position
  /** The checkpoint: the last position that is durable. */
  readonly savedPosition?: Position
  /** Events handled by this run. */
  readonly handled: number
  /** Events that this run left behind after all tries, and the last 20 of them. */
  readonly setAside: { readonly count: number; readonly last: readonly SetAsideEvent[] }
  /** Events that this run left behind because a newer release wrote them: upgrade, then set the checkpoint back. */
  readonly unreadable: number
  /** How often the work under way failed in a row; 0 when all is well. */
  readonly failedTries: number
  /** The checkpoint that is not a place in this log, when there was one: this run has read from the beginning. */
  readonly foreignCheckpoint?: Position
  /** Something else moves the checkpoint of this id: a second consumer, or an operator. */
  readonly contested: boolean
}

const consumerShape: Shape<ConsumerOptions> = {
  id: filledText('a name'),
  store: readableStore,
  checkpoints: checkpointsOption,
  handle: callback,
  maxTries: wholeNumber(1).optional(),
  firstRetryMs: wholeNumber(1).optional(),
  maxRetryMs: wholeNumber(1).optional(),
  outageLimitMs: wholeNumber(1).optional(),
  handleTimeoutMs: wholeNumber(1).optional(),
  stopTimeoutMs: wholeNumber(1).optional(),
  onPoison: oneOf('set-aside', 'stop').optional(),
  onForeignCheckpoint: oneOf('restart', 'stop').optional(),
  logger: loggerOption.optional(),
  onProblem: callback.optional(),
  saveEvery: wholeNumber(1).optional(),
  saveEveryMs: wholeNumber(1).optional(),
  pollMs: wholeNumber(1).optional(),
  wakeUp: callback.optional(),
  signal: signalOption.optional(),
  clock: clockOption.optional(),
  sleep: callback.optional(),
  random: callback.optional(),
}

const consumerOptions = optionsObject(consumerShape)

/** @throws CommsError `configuration_invalid`, naming the consumer and each option that is missing, wrong or unknown. */
export function checkConsumerOptions(options: ConsumerOptions): void {
  const { id } = Object(options) as Partial<ConsumerOptions>
  checkOf(typeof id === 'string' ? `runConsumer "${id}"` : 'runConsumer', consumerOptions)(options)
}
