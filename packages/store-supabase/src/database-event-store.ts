import {
  type AppendRequest,
  type AppendResult,
  type CheckpointStore,
  CommsError,
  type EventStore,
  type IdSource,
  type Logger,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  silentLogger,
  UnreadableEvents,
  uuidSource,
} from '@pipe-comms/core'
import { append } from './append.ts'
import { check } from './check.ts'
import { checkpointStore } from './checkpoints.ts'
import { type DatabaseCalls, RepeatingCalls } from './database-calls.ts'
import { find } from './find.ts'
import { openLog } from './opened-log.ts'
import type { DatabaseStoreOptions } from './options.ts'
import { readAll } from './read-all.ts'
import { readStream } from './read-stream.ts'
import type { StoreProblem } from './store-problem.ts'
import { EventLines } from './stored-event.ts'

/** An {@link EventStore} in PostgreSQL, whichever way leads there. */
export interface DatabaseEventStore extends EventStore {
  /** The checkpoints of this log's consumers, in the same database; refused with `store_closed` after `close()`. */
  readonly checkpoints: CheckpointStore
  /** What is wrong with the database and the log in it; empty: nothing. For `doctor` and readiness. @throws CommsError `store_closed` */
  check(): Promise<readonly StoreProblem[]>
}

/** All that is above the wire. */
export class EventStoreOverCalls implements DatabaseEventStore {
  readonly checkpoints: CheckpointStore
  readonly #calls: RepeatingCalls
  readonly #ids: IdSource
  readonly #who: string
  readonly #logger: Logger
  #opened: Promise<EventLines> | undefined
  readonly #underWay = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(calls: DatabaseCalls, options: DatabaseStoreOptions) {
    this.#calls = new RepeatingCalls(calls, options)
    this.#ids = options.ids ?? uuidSource
    this.#who = calls.who
    this.#logger = options.logger ?? silentLogger
    this.checkpoints = checkpointStore(() => this.#open())
  }

  async append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    this.#open()
    const appending = append(() => this.#lines(), this.#ids.next(), requests)
    this.#underWay.add(appending)
    try {
      return await appending
    } finally {
      this.#underWay.delete(appending)
    }
  }

  async find(idempotencyKey: string): Promise<RecordedEvent | undefined> {
    return find(await this.#lines(), idempotencyKey)
  }

  readStream(streamId: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    return readStream(() => this.#lines(), streamId, options)
  }

  readAll(options: ReadAllOptions = {}): AsyncIterable<RecordedEvent> {
    return readAll(() => this.#lines(), options)
  }

  async check(): Promise<readonly StoreProblem[]> {
    return check(this.#open())
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#underWay).then(() => this.#calls.close())
    return this.#closing
  }

  /** The log is opened by the first call; an opening that fails is tried again by the next one. */
  async #lines(): Promise<EventLines> {
    const calls = this.#open()
    this.#opened ??= openLog(calls).then(
      (log) => new EventLines(log, new UnreadableEvents(this.#who, this.#logger)),
      (error) => {
        this.#opened = undefined
        throw error
      },
    )
    return this.#opened
  }

  /** @throws CommsError `store_closed` */
  #open(): RepeatingCalls {
    if (this.#closing) throw new CommsError('store_closed', `The store in ${this.#who} was closed`)
    return this.#calls
  }
}

/** @throws CommsError `configuration_invalid` */
export function checkOptions(factory: string, { timeoutMs, maxTries, firstRetryMs }: DatabaseStoreOptions): void {
  for (const [option, value, least] of [
    ['timeoutMs', timeoutMs, 1],
    ['maxTries', maxTries, 1],
    ['firstRetryMs', firstRetryMs, 0],
  ] as const) {
    if (value !== undefined && !(Number.isInteger(value) && value >= least)) {
      throw new CommsError('configuration_invalid', `${factory}: ${option}: expected a whole number from ${least}, got ${value}`)
    }
  }
}
