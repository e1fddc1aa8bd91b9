import { CommsError, type CommsErrorCode, isCommsError } from '../errors.ts'
import type { MessageEventOf } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { backOffMs, timeLimit } from '../pause.ts'
import { CheckpointKeeper } from './checkpoint-keeper.ts'
import type { ConsumerOptions, ConsumerProblem, ConsumerState, SetAsideEvent } from './consumer-options.ts'
import { feedOfLog } from './log-feed.ts'
import { takeConsumerId } from './running-consumers.ts'

export interface Consumer {
  state(): ConsumerState
  /**
   * Resolves when the consumer has stopped or its log was closed, rejects with the error that ended it: of `handle` with `onPoison: 'stop'`,
   * of the log when it is more than an outage, of the checkpoint store, of `onProblem`. Take care of it: an unhandled rejection ends a
   * Node.js process.
   */
  readonly done: Promise<void>
  /**
   * Finishes the event under way, without trying it again, saves the checkpoint, and settles as `done`. A handler that is not done after
   * `stopTimeoutMs`, or at once with `abort`, has its signal aborted. One that ignores the signal for 5 seconds more is left behind: the
   * consumer counts as stopped, and its event is handled again by the next run.
   */
  stop(options?: { readonly abort?: boolean }): Promise<void>
}

type Outside = 'store' | 'id' | 'checkpoints' | 'handle' | 'handleTimeoutMs' | 'onProblem' | 'wakeUp' | 'signal'
export type ConsumerSettings = ConsumerOptions & Required<Omit<ConsumerOptions, Outside>>

/** How many events that were set aside the state lists. */
const LISTED = 20
/** For a handler to end after its signal was aborted. */
const ABORT_GRACE_MS = 5_000

/** The consumer that `runConsumer` runs. */
export class CheckpointedConsumer implements Consumer {
  readonly done: Promise<void>
  readonly #settings: ConsumerSettings
  readonly #checkpoint: CheckpointKeeper
  readonly #stopping = new AbortController()
  /** Aborts the event under way. */
  readonly #aborting = new AbortController()
  readonly #ended = new AbortController()
  #leaveBehind: () => void = () => {}
  #status: ConsumerState['status'] = 'running'
  #handled = 0
  #setAside: { readonly count: number; readonly last: readonly SetAsideEvent[] } = { count: 0, last: [] }
  #unreadable = 0
  #failedTries = 0
  #foreignCheckpoint: string | undefined
  #isLeftBehind = false

  constructor(settings: ConsumerSettings) {
    this.#settings = settings
    const { id, checkpoints } = settings
    const release = takeConsumerId(checkpoints, id)
    this.#checkpoint = new CheckpointKeeper({ ...settings, onContested: (stored) => this.#sayContested(stored) })
    const leftBehind = new Promise<void>((resolve) => {
      this.#leaveBehind = resolve
    })
    const running = this.#run()
    // The race has taken its rejection, if any.
    this.done = Promise.race([running, leftBehind]).finally(release)
  }

  state(): ConsumerState {
    return {
      status: this.#isLeftBehind ? 'stopped' : this.#status,
      ...this.#checkpoint.state(),
      handled: this.#handled,
      setAside: this.#setAside,
      unreadable: this.#unreadable,
      failedTries: this.#failedTries,
      ...(this.#foreignCheckpoint === undefined ? {} : { foreignCheckpoint: this.#foreignCheckpoint }),
    }
  }

  stop({ abort = false }: { readonly abort?: boolean } = {}): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort()
      void this.#limitStop()
    }
    if (abort) this.#aborting.abort()
    return this.done
  }

  async #limitStop(): Promise<void> {
    const { sleep, stopTimeoutMs, logger, id } = this.#settings
    await sleep(stopTimeoutMs, AbortSignal.any([this.#ended.signal, this.#aborting.signal]))
    this.#aborting.abort()
    await sleep(ABORT_GRACE_MS, this.#ended.signal)
    if (this.#ended.signal.aborted) return
    logger.error(`Consumer "${id}": stopped without the event under way, which ignores its signal; the next run handles it again`)
    this.#checkpoint.abandon()
    this.#ended.abort()
    this.#isLeftBehind = true
    this.#leaveBehind()
  }

  async #run(): Promise<void> {
    const { signal } = this.#settings
    const stop = () => void this.stop({ abort: true }).catch(() => undefined)
    // The constructor has to be done before: `stop` gives `done`.
    await Promise.resolve()
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop)
    let outcome: ConsumerState['status'] = 'failed'
    try {
      await this.#load()
      try {
        await this.#consume()
      } catch (error) {
        // What was handled before the end stays handled; the error that ended it is the one to throw.
        await this.#checkpoint.save().catch(() => undefined)
        throw error
      }
      await this.#saveAtEnd()
      outcome = 'stopped'
    } finally {
      signal?.removeEventListener('abort', stop)
      this.#status = outcome
      this.#ended.abort()
    }
  }

  async #load(): Promise<void> {
    for (let tries = 1; !this.#stopping.signal.aborted; tries += 1) {
      try {
        await this.#checkpoint.load()
        this.#failedTries = 0
        return
      } catch (error) {
        await this.#waitOut('checkpoint', error, tries)
      }
    }
  }

  async #consume(): Promise<void> {
    const { store, pollMs, wakeUp, sleep } = this.#settings
    const events = feedOfLog({
      store,
      after: this.#checkpoint.position,
      pollMs,
      wakeUp,
      sleep,
      signal: this.#stopping.signal,
      onCaughtUp: async () => {
        await this.#saveOrPutOff()
        this.#failedTries = 0
        this.#status = 'waiting'
      },
      onReadFailed: (error, tries) => this.#readFailed(error, tries),
    })
    for await (const event of events) {
      this.#status = 'running'
      if (!(await this.#settle(event))) return
      this.#checkpoint.moveTo(event.position)
      if (this.#checkpoint.isDue()) await this.#saveOrPutOff()
    }
  }

  /** Whether the event is done with, handled or left behind. False: the consumer stops before it. */
  async #settle(event: RecordedEvent): Promise<boolean> {
    if (event.type === 'event.unreadable') return this.#passBy(event)
    const { maxTries, outageLimitMs, onPoison, clock, logger, id } = this.#settings
    const since = clock.now()
    let refused = 0
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#handle(event, tries)
        this.#handled += 1
        this.#failedTries = 0
        return true
      } catch (error) {
        if (this.#stopping.signal.aborted) return false
        if (await this.#isEndOfLog(error)) return false
        this.#failedTries = tries
        const needsOperator = isMisconfigured(error)
        const isOver = !needsOperator && (isOutageOfOthers(error) ? clock.now() - since >= outageLimitMs : ++refused >= maxTries)
        if (!isOver) {
          if (needsOperator && tries === 1) logger.error(`Consumer "${id}" waits until an operator has acted: ${text(error)}`)
          await this.#tell({ during: 'handle', error, event, tries, next: 'retry' })
          await this.#backOff(error, tries)
          if (this.#stopping.signal.aborted) return false
          continue
        }
        await this.#tell({ during: 'handle', error, event, tries, next: onPoison })
        if (onPoison === 'stop') throw error
        const { position, type, id: eventId } = event
        const reason = text(error)
        logger.error(`Consumer "${id}": set ${eventId} aside after ${tries} tries: ${reason}`, { position, type })
        this.#setAside = {
          count: this.#setAside.count + 1,
          last: [...this.#setAside.last, { position, eventId, type, reason }].slice(-LISTED),
        }
        this.#failedTries = 0
        return true
      }
    }
  }

  async #handle(event: RecordedEvent, tries: number): Promise<void> {
    const { handle, handleTimeoutMs, sleep } = this.#settings
    if (handleTimeoutMs === undefined) return handle(event, { signal: this.#aborting.signal, tries })
    const limit = timeLimit(handleTimeoutMs, this.#aborting.signal, sleep)
    const over = new Promise<never>((_, reject) => limit.signal.addEventListener('abort', () => reject(limit.signal.reason)))
    try {
      await Promise.race([handle(event, { signal: limit.signal, tries }), over])
    } finally {
      limit.end()
    }
  }

  async #passBy(event: RecordedEvent & MessageEventOf<'event.unreadable'>): Promise<true> {
    const { logger, id } = this.#settings
    this.#unreadable += 1
    const { reason } = event.data
    if (this.#unreadable === 1) {
      logger.warn(`Consumer "${id}": passes by ${event.id} and what else a newer release wrote; upgrade to have it handled`, { reason })
    }
    await this.#tell({ during: 'read', error: new CommsError('event_invalid', reason), event, tries: 1, next: 'pass' })
    return true
  }

  /** In an outage the work goes on and the next save makes up for this one: a later checkpoint says all that an earlier one does. */
  async #saveOrPutOff(): Promise<void> {
    try {
      await this.#checkpoint.save()
    } catch (error) {
      if (await this.#isEndOfLog(error)) return
      if (!isOutage(error)) throw error
      await this.#tell({ during: 'checkpoint', error, tries: this.#checkpoint.failedSaves, next: 'retry' })
    }
  }

  async #saveAtEnd(): Promise<void> {
    try {
      await this.#checkpoint.save()
    } catch (error) {
      // The log and its checkpoints were closed together: what was not saved is handled again.
      if (!(await this.#isEndOfLog(error))) throw error
    }
  }

  async #readFailed(error: unknown, tries: number): Promise<unknown> {
    const { onForeignCheckpoint, logger, id } = this.#settings
    if (!isCommsError(error, 'position_invalid') || this.#checkpoint.position === undefined) return this.#waitOut('read', error, tries)
    await this.#tell({ during: 'read', error, tries, next: onForeignCheckpoint })
    if (onForeignCheckpoint === 'stop') throw error
    this.#foreignCheckpoint = this.#checkpoint.restart()
    logger.warn(`Consumer "${id}": its checkpoint is not a place in this log; reads from the beginning`, { error: error.message })
    return 'restart'
  }

  async #waitOut(during: 'read' | 'checkpoint', error: unknown, tries: number): Promise<void> {
    if (await this.#isEndOfLog(error)) return
    this.#failedTries = tries
    const next = isOutage(error) ? 'retry' : 'stop'
    await this.#tell({ during, error, tries, next })
    if (next === 'stop') throw error
    await this.#backOff(error, tries)
  }

  /** Whether the log was closed before the consumer was stopped: then nothing more can come, and it stops. Another closed store is an error. */
  async #isEndOfLog(error: unknown): Promise<boolean> {
    if (!isCommsError(error, 'store_closed')) return false
    const { logger, id, store } = this.#settings
    try {
      await store.find('consumer:is-the-log-open')
      return false
    } catch (refusal) {
      if (!isCommsError(refusal, 'store_closed')) return false
      logger.info(`Consumer "${id}": its log was closed; stops`)
      this.#stopping.abort()
      return true
    }
  }

  async #sayContested(stored: string | undefined): Promise<void> {
    const { id, logger } = this.#settings
    const text = `Consumer "${id}": something else has moved its checkpoint to ${stored ?? 'nothing'}; is there a second consumer of this id?`
    logger.warn(text)
    await this.#tell({ during: 'checkpoint', error: new CommsError('configuration_invalid', text), tries: 1, next: 'go-on' })
  }

  async #backOff(error: unknown, tries: number): Promise<void> {
    const { firstRetryMs, maxRetryMs, random, sleep } = this.#settings
    this.#status = 'retrying'
    const waitMs = backOffMs(tries, { firstMs: firstRetryMs, maxMs: maxRetryMs }, random)
    await sleep(Math.max(waitMs, isCommsError(error) ? (error.retryAfterMs ?? 0) : 0), this.#stopping.signal)
    this.#status = 'running'
  }

  async #tell(problem: ConsumerProblem): Promise<void> {
    await this.#settings.onProblem?.(problem)
  }
}

/** Of the log or the checkpoints: what passes, and what an operator mends while this goes on. */
function isOutage(error: unknown): boolean {
  return ['store_unavailable', 'store_overloaded', 'store_misconfigured'].some((code) => isCommsError(error, code as CommsErrorCode))
}

/** No event is to blame: every one after it would fail as well. */
function isMisconfigured(error: unknown): boolean {
  return isCommsError(error) && error.code.endsWith('_misconfigured')
}

/** Of a system that a handler uses. */
function isOutageOfOthers(error: unknown): boolean {
  return isOutage(error) || isCommsError(error, 'directory_unavailable') || isCommsError(error, 'send_unavailable')
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
