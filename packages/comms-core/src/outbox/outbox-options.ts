import { callback, checkpointsOption, filledText, type Shape, wholeNumber } from '../check-options.ts'
import type { CheckpointStore } from '../consumers/checkpoint-store.ts'
import type { Media } from '../events/message-content.ts'
import type { Sleep } from '../pause.ts'
import type { Clock, IdSource, Logger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import type { OpenedMedia, Transport } from '../transport/transport.ts'

/** How messages are sent. All times in milliseconds. */
export interface OutboxSettings {
  /** Name of this instance in the claims it records, for people to read. @default a new one at each start */
  readonly instance?: string
  /**
   * Where it is kept how far the log needs no reading again at a start. Each instance that has one of its own reads on where it was.
   * @default none: the whole log is read at each start
   */
  readonly checkpoints?: CheckpointStore
  /** Messages under way at once, per transport. One contact never has two under way. @default 32 */
  readonly concurrency?: number
  /** How long one attempt may take. Past it, its outcome counts as unknown, also for other instances. @default 60000 */
  readonly attemptTimeoutMs?: number
  /** The wait before the second attempt when the provider says nothing; it doubles each time. @default 2000 */
  readonly firstRetryMs?: number
  /** No wait between attempts is longer, unless the provider says so. @default 600000 (10 minutes) */
  readonly maxRetryMs?: number
  /** From the request (or its `notBefore`): later the message fails. `expiresAt` of a message stands before it. @default 86400000 (a day) */
  readonly giveUpAfterMs?: number
  /** The wait before the provider is asked what became of a message; it doubles each time, up to five minutes. @default 2000 */
  readonly firstReconcileMs?: number
  /** How long it is asked before an unknown outcome is reported to the operator. @default 86400000 (a day) */
  readonly reportUncertainAfterMs?: number
  /** With `onUncertain: 'resend'`: how long it is asked before the message is sent once more. @default 120000 (2 minutes) */
  readonly resendUncertainAfterMs?: number
  /**
   * How long later messages of a contact wait behind one whose outcome is unknown, if its transport can ask the provider: so long their order
   * is kept. @default 60000: an answer mostly comes within seconds, and a contact is not to wait for minutes
   */
  readonly holdUncertainMs?: number
  /** How often the log is read for what other instances record. @default 1000 */
  readonly pollMs?: number
  /** Opens the bytes of a media item that has a `ref`. */
  readonly openMedia?: (media: Media, options: { readonly signal: AbortSignal }) => Promise<OpenedMedia>
  /** Told of what an operator should know; it is logged too. */
  readonly onProblem?: (problem: OutboxProblem) => void
}

export interface OutboxProblem {
  /**
   * `uncertain`: nobody can tell whether the message was sent, and nothing more is tried. `misconfigured`: the transport needs an operator.
   * `failed`: the message failed for good. `no-transport`: messages wait for a transport that is not configured, said once for each.
   * `log`: the log or the checkpoint of the outbox needs an operator.
   */
  readonly kind: 'uncertain' | 'misconfigured' | 'failed' | 'no-transport' | 'log'
  /** Absent with `log`. */
  readonly messageId?: string
  /** Absent with `log`. */
  readonly transport?: string
  readonly reason: string
}

export interface OutboxOptions extends OutboxSettings {
  readonly store: EventStore
  readonly transports: readonly Transport[]
  readonly clock: Clock
  readonly ids: IdSource
  readonly logger: Logger
  /** @default a timer */
  readonly sleep?: Sleep
  /** A number from 0 up to 1, for the jitter of the waits. @default Math.random */
  readonly random?: () => number
}

/** What each of these options must be. */
export const outboxShape: Shape<OutboxSettings> = {
  instance: filledText('a name').optional(),
  checkpoints: checkpointsOption.optional(),
  concurrency: wholeNumber(1).optional(),
  attemptTimeoutMs: wholeNumber(1).optional(),
  firstRetryMs: wholeNumber(0).optional(),
  maxRetryMs: wholeNumber(0).optional(),
  giveUpAfterMs: wholeNumber(0).optional(),
  firstReconcileMs: wholeNumber(0).optional(),
  reportUncertainAfterMs: wholeNumber(0).optional(),
  resendUncertainAfterMs: wholeNumber(0).optional(),
  pollMs: wholeNumber(1).optional(),
  holdUncertainMs: wholeNumber(0).optional(),
  openMedia: callback.optional(),
  onProblem: callback.optional(),
}
