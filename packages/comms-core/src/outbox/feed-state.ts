import { isCommsError } from '../errors.ts'
import { isoInstant } from '../runtime.ts'
import type { OutboxOptions } from './outbox-options.ts'
import { callOnProblem } from './outbox-work.ts'

/** How the outbox gets on with reading the log. */
export interface FeedState {
  /**
   * `stopped`: not started yet, or stopped. `reading`: the log is read for the first time, and nothing is sent before its end.
   * `ready`: all that was recorded is known. `behind`: the log cannot be read, see `problem`.
   */
  readonly feed: 'stopped' | 'reading' | 'ready' | 'behind'
  /** Why the outbox is behind, or what happened to its checkpoint at this start. */
  readonly problem?: FeedProblem
  /** Events that this release cannot read and that were passed over. */
  readonly unreadable: number
}

export interface FeedProblem {
  /** The code of the error, such as `store_unavailable`; `unknown` when it has none. */
  readonly code: string
  readonly message: string
  /** ISO 8601: since when. */
  readonly since: string
}

/** Repeated errors of reading are logged again after this. */
const REMIND_MS = 60_000
/** An outage of the store is expected to end. Any other error needs an operator. */
const PASSING = new Set(['store_unavailable', 'store_overloaded'])

/** Keeps and says how reading goes: a new problem at once, one that lasts once a minute. */
export class FeedMonitor {
  readonly #options: OutboxOptions
  #feed: FeedState['feed'] = 'stopped'
  #problem: FeedProblem | undefined
  /** Of the checkpoint: shown until the process ends. */
  #dropped: FeedProblem | undefined
  #saidAt = Number.NEGATIVE_INFINITY
  #unreadable = 0

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  state(): FeedState {
    const problem = this.#problem ?? this.#dropped
    return { feed: this.#feed, unreadable: this.#unreadable, ...(problem ? { problem } : {}) }
  }

  /** The log is read from a checkpoint or from its beginning. */
  began(): void {
    this.#feed = 'reading'
    this.#unreadable = 0
  }

  caughtUp(): void {
    this.#feed = 'ready'
    if (this.#problem) this.#options.logger.info(`Outbox: the log can be read again, after ${this.#problem.code}`)
    this.#problem = undefined
  }

  stopped(): void {
    this.#feed = 'stopped'
  }

  passedOver(reason: string): void {
    this.#unreadable += 1
    if (this.#unreadable === 1) this.#options.logger.error(`Outbox: an event cannot be read and is passed over: ${reason}`)
  }

  failed(what: string, error: unknown): void {
    const { clock, logger } = this.#options
    const problem = this.#problemOf(error)
    this.#feed = 'behind'
    const isNew = this.#problem?.code !== problem.code || this.#problem.message !== problem.message
    if (isNew || clock.monotonic() - this.#saidAt >= REMIND_MS) {
      this.#saidAt = clock.monotonic()
      logger[PASSING.has(problem.code) ? 'warn' : 'error'](`Outbox: ${what}, trying again`, { error: problem.message, code: problem.code })
    }
    if (!isNew) return
    this.#problem = problem
    if (!PASSING.has(problem.code)) callOnProblem(this.#options, { kind: 'log', reason: `${what}: ${problem.message}` })
  }

  /** The checkpoint is of no use, and the log is read from its beginning instead. */
  droppedCheckpoint(error: unknown): void {
    this.#dropped = this.#problemOf(error)
    const reason =
      `its checkpoint is dropped and the whole log is read: ${this.#dropped.message}. ` +
      'Expected after the log was moved or restored from a copy; what was sent after the copy was made is not known and may be sent again'
    this.#options.logger.error(`Outbox: ${reason}`)
    callOnProblem(this.#options, { kind: 'log', reason })
  }

  #problemOf(error: unknown): FeedProblem {
    const code = isCommsError(error) ? error.code : 'unknown'
    const message = error instanceof Error ? error.message : String(error)
    return { code, message, since: isoInstant(this.#options.clock.now()) }
  }
}
