import { isCommsError } from '../errors.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { backOffMs, timerSleep } from '../pause.ts'
import { systemClock } from '../runtime.ts'
import { CheckpointKeeper } from './checkpoint-keeper.ts'
import { type ConsumerOptions, type ConsumerProblem, checkConsumerOptions } from './consumer-options.ts'
import { feedOfLog } from './log-feed.ts'

/** For metrics. How far behind the end of the log this is, only the store could tell. */
export interface ConsumerState {
  readonly status: 'running' | 'waiting' | 'retrying' | 'stopped' | 'failed'
  /** Of the last event handled or skipped, in earlier runs too; absent when there is none. */
  readonly position?: Position
  /** The checkpoint: the last position that is durable. */
  readonly savedPosition?: Position
  /** Events handled by this run. */
  readonly handled: number
  /** Events given up by this run. */
  readonly skipped: number
  /** How often the work under way failed in a row; 0 when all is well. */
  readonly failedTries: number
}

export interface Consumer {
  state(): ConsumerState
  /**
   * Resolves when the consumer has stopped, rejects with the error that ended it: of `handle` after `maxTries`, of the log when it is more
   * than an outage (`position_invalid`, `store_closed`, …), of the checkpoint store. Take care of it: an unhandled rejection ends a
   * Node.js process, and a consumer that died unheard would be worse.
   */
  readonly done: Promise<void>
  /** Finishes the event under way, without trying it again, saves the checkpoint, and settles as `done`. */
  stop(): Promise<void>
}

/**
 * Runs a handler over the log, from the consumer's checkpoint on and then as events come: in order, one at a time, each at least once. An
 * event is repeated when the process ends between its effect and the save of the checkpoint. For an effect that happens exactly once:
 *
 * 1. **The position beside the effect.** When the effect is a change in a database, write `event.position` in the same transaction, leave
 *    the transaction out when the position there is not before it, and let `checkpoints.load` read it from there (`save` does nothing).
 * 2. **The effect under the event's name.** When it is a call to another system, give it `event.id` or `event.idempotencyKey` as its
 *    idempotency key, so that the other side knows the repeat.
 *
 * Outages of the log and of the checkpoints (`store_unavailable`, `store_overloaded`) are waited out, however long.
 * @throws CommsError `configuration_invalid`, naming each option that is missing, wrong or unknown.
 * @example
 * const consumer = runConsumer({
 *   id: 'crm-notes',
 *   store: cache,
 *   checkpoints,
 *   handle: async (event, { signal }) => crm.addNote(event, { key: event.idempotencyKey, signal }),
 *   wakeUp: async (waiting) => {
 *     for await (const _ of cache.tail(waiting)) return
 *   },
 * })
 * consumer.done.catch((error) => logger.error('crm-notes ended', { error }))
 * // later: await consumer.stop()
 */
export function runConsumer(options: ConsumerOptions): Consumer {
  checkConsumerOptions(options)
  const { maxTries = 10, firstRetryMs = 200, maxRetryMs = 30_000, saveEvery = 100, saveEveryMs = 1000, pollMs = 1000 } = options
  const numbers = { maxTries, firstRetryMs, maxRetryMs, saveEvery, saveEveryMs, pollMs }
  const { onPoison = 'stop', clock = systemClock, sleep = timerSleep, random = Math.random } = options
  return new CheckpointedConsumer({ ...options, ...numbers, onPoison, clock, sleep, random })
}

type Outside = 'store' | 'id' | 'checkpoints' | 'handle' | 'onProblem' | 'wakeUp' | 'signal'
type Settings = ConsumerOptions & Required<Omit<ConsumerOptions, Outside>>

class CheckpointedConsumer implements Consumer {
  readonly done: Promise<void>
  readonly #settings: Settings
  readonly #checkpoint: CheckpointKeeper
  readonly #stopping = new AbortController()
  readonly #signal: AbortSignal
  #status: ConsumerState['status'] = 'running'
  #handled = 0
  #skipped = 0
  #failedTries = 0

  constructor(settings: Settings) {
    this.#settings = settings
    this.#signal = settings.signal ?? new AbortController().signal
    this.#checkpoint = new CheckpointKeeper(settings)
    this.done = this.#run()
  }

  state(): ConsumerState {
    return {
      status: this.#status,
      ...this.#checkpoint.state(),
      handled: this.#handled,
      skipped: this.#skipped,
      failedTries: this.#failedTries,
    }
  }

  stop(): Promise<void> {
    this.#stopping.abort()
    return this.done
  }

  async #run(): Promise<void> {
    const stop = () => this.#stopping.abort()
    if (this.#signal.aborted) stop()
    this.#signal.addEventListener('abort', stop)
    try {
      await this.#load()
      try {
        await this.#consume()
      } catch (error) {
        // What was handled before the end stays handled; the error that ended it is the one to tell of.
        await this.#checkpoint.save().catch(() => undefined)
        throw error
      }
      await this.#checkpoint.save()
      this.#status = 'stopped'
    } catch (error) {
      this.#status = 'failed'
      throw error
    } finally {
      this.#signal.removeEventListener('abort', stop)
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
      onReadFailed: (error, tries) => this.#waitOut('read', error, tries),
    })
    for await (const event of events) {
      this.#status = 'running'
      if (!(await this.#settle(event))) return
      this.#checkpoint.moveTo(event.position)
      if (this.#checkpoint.isDue()) await this.#saveOrPutOff()
    }
  }

  /** Whether the event is done with, handled or skipped. False: the consumer stops before it. */
  async #settle(event: RecordedEvent): Promise<boolean> {
    const { handle, maxTries, onPoison } = this.#settings
    for (let tries = 1; ; tries += 1) {
      try {
        await handle(event, { signal: this.#signal, tries })
        this.#handled += 1
        this.#failedTries = 0
        return true
      } catch (error) {
        if (this.#stopping.signal.aborted) return false
        this.#failedTries = tries
        if (tries < maxTries) {
          await this.#tell({ during: 'handle', error, event, tries, next: 'retry' })
          await this.#backOff(error, tries)
          if (this.#stopping.signal.aborted) return false
          continue
        }
        await this.#tell({ during: 'handle', error, event, tries, next: onPoison })
        if (onPoison === 'stop') throw error
        this.#skipped += 1
        this.#failedTries = 0
        return true
      }
    }
  }

  /** In an outage the work goes on and the next save makes up for this one: a later checkpoint says all that an earlier one does. */
  async #saveOrPutOff(): Promise<void> {
    try {
      await this.#checkpoint.save()
    } catch (error) {
      if (!isOutage(error)) throw error
      await this.#tell({ during: 'checkpoint', error, tries: this.#checkpoint.failedSaves, next: 'retry' })
    }
  }

  async #waitOut(during: 'read' | 'checkpoint', error: unknown, tries: number): Promise<void> {
    this.#failedTries = tries
    const next = isOutage(error) ? 'retry' : 'stop'
    await this.#tell({ during, error, tries, next })
    if (next === 'stop') throw error
    await this.#backOff(error, tries)
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

function isOutage(error: unknown): boolean {
  return isCommsError(error, 'store_unavailable') || isCommsError(error, 'store_overloaded')
}
