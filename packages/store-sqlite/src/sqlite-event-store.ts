import { dirname, resolve } from 'node:path'
import {
  type AppendRequest,
  type AppendResult,
  type CheckpointStore,
  CommsError,
  type EventStore,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  silentLogger,
  systemClock,
  UnreadableEvents,
} from '@pipe-comms/core'
import { databaseError } from './database-error.ts'
import { EventRows } from './event-rows.ts'
import { prepareFind } from './find.ts'
import { logIdOf } from './log-identity.ts'
import { LogReader } from './log-reader.ts'
import { openToRead } from './open-database.ts'
import type { SqliteEventStoreOptions } from './options.ts'
import { Positions } from './position.ts'
import { createPrivateDatabase, createPrivateFolder } from './private-file.ts'
import { prepareReadAll } from './read-all.ts'
import { prepareReadStream } from './read-stream.ts'
import { SqliteCheckpointStore } from './sqlite-checkpoint-store.ts'
import { WriteQueue } from './write-queue.ts'
import { WriterThread } from './writer-thread.ts'

/** An {@link EventStore} in a SQLite file. `close()` closes the checkpoints with it. */
export interface SqliteEventStore extends EventStore {
  /** The checkpoints of this log's consumers, in the same file. */
  readonly checkpoints: CheckpointStore
}

/**
 * Opens an event log in one SQLite file, table `message_events`. Every append is durable before it is acknowledged; appends that wait
 * while a transaction is under way share the next one. Any number of processes may read and write the file at once. Transactions run
 * in a thread of their own, which the first append starts; reads go in short pages; so neither holds up the event loop.
 *
 * An append waits up to 5 seconds for other processes' transactions, then it is refused with `store_unavailable`.
 * @example
 * const store = await openSqliteEventStore({ file: './data/messages.sqlite' })
 * @throws CommsError `configuration_invalid`; `store_unavailable` when the file cannot be read or written; `store_corrupt` when it is
 * no database, one of another application, or written by a newer release, or a symbolic link.
 */
export async function openSqliteEventStore(options: SqliteEventStoreOptions): Promise<SqliteEventStore> {
  const { synchronous = 'full', clock = systemClock, logger = silentLogger } = options ?? {}
  const file = checkedFile(options?.file)
  if (synchronous !== 'full' && synchronous !== 'normal') {
    throw invalid('synchronous', "'full' or 'normal'", synchronous)
  }
  try {
    await createPrivateFolder(dirname(file))
    await createPrivateDatabase(file)
    const { db, migrated } = await openToRead(file)
    if (migrated.from !== migrated.to) logger.info(`${file}: schema ${migrated.from} brought to ${migrated.to}`, { file, ...migrated })
    const logId = logIdOf(db) as string
    if (migrated.named && migrated.from > 0) {
      logger.warn(
        `${file}: the log had no identity; it is ${logId} from now on. Positions and checkpoints from before are refused, and their consumers begin again`,
        { file, logId },
      )
    }
    const thread = new WriterThread({ file, synchronous }, logger)
    const reader = new LogReader(db, file)
    const rows = new EventRows(reader, new Positions(logId), new UnreadableEvents(file, logger))
    return new EventStoreInFile(thread, reader, rows, new WriteQueue(thread, clock, rows))
  } catch (cause) {
    throw databaseError('Cannot open', file, cause)
  }
}

class EventStoreInFile implements SqliteEventStore {
  readonly checkpoints: CheckpointStore
  readonly #thread: WriterThread
  readonly #reader: LogReader
  readonly #queue: WriteQueue
  readonly #find: ReturnType<typeof prepareFind>
  readonly #readStream: ReturnType<typeof prepareReadStream>
  readonly #readAll: ReturnType<typeof prepareReadAll>
  #closing: Promise<void> | undefined

  constructor(thread: WriterThread, reader: LogReader, rows: EventRows, queue: WriteQueue) {
    this.#thread = thread
    this.#reader = reader
    this.#queue = queue
    this.#find = prepareFind(reader, rows)
    this.#readStream = prepareReadStream(reader, rows)
    this.#readAll = prepareReadAll(reader, rows)
    this.checkpoints = new SqliteCheckpointStore(reader, queue)
  }

  async append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    this.#reader.checkOpen()
    return this.#queue.append(requests)
  }

  find(idempotencyKey: string): Promise<RecordedEvent | undefined> {
    return this.#find(idempotencyKey)
  }

  readStream(streamId: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    return this.#readStream(streamId, options)
  }

  readAll(options: ReadAllOptions = {}): AsyncIterable<RecordedEvent> {
    return this.#readAll(options)
  }

  close(): Promise<void> {
    this.#closing ??= this.#letGo()
    return this.#closing
  }

  async #letGo(): Promise<void> {
    // The writer goes last: it can fold the write-ahead log into the file, a reader cannot.
    this.#reader.close()
    await this.#queue.drained()
    await this.#thread.close()
  }
}

function checkedFile(file: unknown): string {
  if (typeof file !== 'string' || file === '') throw invalid('file', 'the path of a database file', file)
  if (file === ':memory:') throw invalid('file', 'a path; for a log in memory take memoryEventStore()', file)
  return resolve(file)
}

function invalid(option: string, expected: string, got: unknown): CommsError {
  return new CommsError('configuration_invalid', `openSqliteEventStore: ${option}: expected ${expected}, got ${JSON.stringify(got)}`)
}
