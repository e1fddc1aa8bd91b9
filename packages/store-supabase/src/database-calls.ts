import { setTimeout as timer } from 'node:timers/promises'
import { type Logger, silentLogger, timeLimit } from '@pipe-comms/core'
import { CallFailure } from './call-failure.ts'
import type { DatabaseStoreOptions } from './options.ts'
import { unfitServer } from './server-version.ts'

/** The functions of create-message-events-table.sql. All of them may be called again after an unknown outcome. */
export type DatabaseFunction =
  | 'open_message_log'
  | 'append_message_events'
  | 'find_message_event'
  | 'read_message_events'
  | 'read_message_stream'
  | 'save_message_checkpoint'
  | 'load_message_checkpoint'
  | 'check_message_events'

export type Arguments = Readonly<Record<string, string | number | null | readonly (string | number | null)[]>>

/** Those that answer with rows, {@link Rows}; all others with one value. */
export const PAGES: ReadonlySet<DatabaseFunction> = new Set<DatabaseFunction>(['read_message_events', 'read_message_stream'])

/** A page of rows, each a function that gives its value: parsing takes as long as fetching, and is done while the next page is fetched. */
export type Rows<Row> = readonly (() => Row)[]

/** A way to the functions: a connection of PostgreSQL, or the API of Supabase. */
export interface DatabaseCalls {
  /** The name in error messages. */
  readonly who: string
  /**
   * Calls a function once and gives its JSON value, or its rows, texts restored.
   * @throws CallFailure; when the signal is aborted the outcome is unknown.
   */
  call(name: DatabaseFunction, values: Arguments, signal: AbortSignal): Promise<unknown>
  /** The answer to `select version()`. Left out where only functions of the log can be called. */
  serverVersion?(signal: AbortSignal): Promise<string>
  close(): void
}

/** Calls functions, and again where that may help. */
export class RepeatingCalls {
  readonly #calls: DatabaseCalls
  readonly #timeoutMs: number
  readonly #maxTries: number
  readonly #firstRetryMs: number
  readonly #logger: Logger
  readonly #sleep: (ms: number) => Promise<unknown>
  readonly #random: () => number

  constructor(calls: DatabaseCalls, options: DatabaseStoreOptions) {
    this.#calls = calls
    this.#timeoutMs = options.timeoutMs ?? 6000
    this.#maxTries = options.maxTries ?? 3
    this.#firstRetryMs = options.firstRetryMs ?? 100
    this.#logger = options.logger ?? silentLogger
    this.#sleep = options.sleep ?? timer
    this.#random = options.random ?? Math.random
  }

  /** @throws CommsError by the table of `failureOfCode`; the signal's reason when it is aborted. */
  async call<Answer>(name: DatabaseFunction, values: Arguments, signal?: AbortSignal): Promise<Answer> {
    for (let tries = 1; ; tries += 1) {
      const limit = timeLimit(this.#timeoutMs, signal)
      try {
        return (await this.#calls.call(name, values, limit.signal)) as Answer
      } catch (error) {
        signal?.throwIfAborted()
        const failure = limit.signal.aborted ? this.#noAnswer(name) : error
        if (!(failure instanceof CallFailure)) throw failure
        if (!failure.again || tries >= this.#maxTries) throw (await this.#explained(failure)).toCommsError(this.#calls.who, tries)
        this.#logger.warn(`${this.#calls.who}: ${failure.message}; trying again`, { function: name, tries })
        await this.#sleep(this.#firstRetryMs * 2 ** (tries - 1) * (1 - this.#random() / 2))
      } finally {
        limit.end()
      }
    }
  }

  /** Whom error messages name. */
  get who(): string {
    return this.#calls.who
  }

  /** What the server says it is, where that can be asked without the functions of the log. */
  async serverVersion(): Promise<string | undefined> {
    return this.#calls.serverVersion?.(AbortSignal.timeout(this.#timeoutMs))
  }

  /** For a health check: no second try. @throws CallFailure */
  once(name: DatabaseFunction): Promise<unknown> {
    return this.#calls.call(name, {}, AbortSignal.timeout(this.#timeoutMs))
  }

  close(): void {
    this.#calls.close()
  }

  /** Where the functions are missing, the server may be one that cannot have them. */
  async #explained(failure: CallFailure): Promise<CallFailure> {
    if (failure.code !== 'store_misconfigured') return failure
    const version = await this.serverVersion().catch(() => undefined)
    const unfit = version === undefined ? undefined : unfitServer(version)
    return unfit ? new CallFailure('store_misconfigured', unfit.problem, { remedy: unfit.remedy }) : failure
  }

  #noAnswer(name: string): CallFailure {
    return new CallFailure('store_unavailable', `no answer to ${name} within ${this.#timeoutMs} ms`, { again: true })
  }
}
