import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  type AppendRequest,
  type AppendResult,
  type Clock,
  CommsError,
  decideAppends,
  type EventStore,
  flattenBatches,
  isoInstant,
  type Logger,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  silentLogger,
  systemClock,
} from '@pipe-comms/core'
import { type DayFile, dayFileAt, positionOf } from './day-file.ts'
import { diskError } from './disk-error.ts'
import { GroupCommit, type Line, type LineRequest } from './group-commit.ts'
import { hashOf, type LogIndex } from './log-index.ts'
import { LogReader } from './log-reader.ts'
import { LogWriter } from './log-writer.ts'
import { openLog, saveSideIndex } from './open-log.ts'
import type { JsonEventStoreOptions } from './options.ts'
import { lineEnd } from './stored-line.ts'
import { TextBuffer } from './text-buffer.ts'
import { WriterLock } from './writer-lock.ts'

/**
 * Opens an event log in JSON-lines day files, `message_events_2026-01-06.jsonl` (UTC), in one folder, for one writing process. Every
 * append is on the disk (fdatasync) before it is acknowledged; appends that wait while a write is under way share the next one.
 * @example
 * const store = await openJsonEventStore({ dir: './logs/message_events' })
 * @throws CommsError `store_locked` when another process writes to the folder, `store_unavailable` when it cannot be read or written.
 */
export async function openJsonEventStore(options: JsonEventStoreOptions): Promise<EventStore> {
  if (typeof options?.dir !== 'string' || options.dir === '') {
    throw new CommsError(
      'configuration_invalid',
      `openJsonEventStore: dir: expected the path of a folder, got ${JSON.stringify(options?.dir)}`,
    )
  }
  const dir = resolve(options.dir)
  let lock: WriterLock | undefined
  try {
    await mkdir(dir, { recursive: true })
    lock = await WriterLock.acquire(dir)
    const { files, index } = await openLog(dir, options.logger ?? silentLogger)
    return new JsonEventStore(dir, lock, files, index, options.clock ?? systemClock, options.logger ?? silentLogger)
  } catch (cause) {
    await lock?.release()
    if (cause instanceof CommsError) throw cause
    throw diskError(`Cannot open the event log in ${dir}`, cause)
  }
}

class JsonEventStore implements EventStore {
  readonly #dir: string
  readonly #lock: WriterLock
  readonly #files: DayFile[]
  readonly #index: LogIndex
  readonly #clock: Pick<Clock, 'now'>
  readonly #logger: Logger
  readonly #writer = new LogWriter()
  readonly #reader: LogReader
  readonly #text = new TextBuffer()
  readonly #commit = new GroupCommit({
    write: (requests) => this.#write(requests),
    sync: (inPlace) => this.#sync(inPlace),
    takeBack: () => this.#takeBack(),
  })
  /** Lines of the index that are durable; readers never look at the others. */
  #durable: number
  /** How often lines were taken back that were not durable yet. */
  #takenBack = 0
  #closing: Promise<void> | undefined

  constructor(dir: string, lock: WriterLock, files: DayFile[], index: LogIndex, clock: Pick<Clock, 'now'>, logger: Logger) {
    this.#dir = dir
    this.#lock = lock
    this.#files = files
    this.#index = index
    this.#reader = new LogReader(files, index)
    this.#durable = index.count
    this.#clock = clock
    this.#logger = logger
  }

  async append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    return this.#commit.append(requests)
  }

  async find(idempotencyKey: string): Promise<RecordedEvent | undefined> {
    this.#checkOpen()
    return this.#reader.find(idempotencyKey, hashOf(idempotencyKey))
  }

  async *readStream(streamId: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    this.#checkOpen()
    yield* this.#reader.readStream(streamId, options)
  }

  readAll(options: ReadAllOptions = {}): AsyncIterable<RecordedEvent> {
    return flattenBatches(this.#readBatches(options), options.signal)
  }

  close(): Promise<void> {
    this.#closing ??= this.#writeOut()
    return this.#closing
  }

  async *#readBatches(options: ReadAllOptions): AsyncGenerator<readonly RecordedEvent[]> {
    this.#checkOpen()
    yield* this.#reader.readBatches(options)
  }

  async #writeOut(): Promise<void> {
    await this.#commit.settled()
    await this.#writer.close()
    const newest = this.#files.length - 1
    if (newest >= 0) await saveSideIndex(this.#files[newest] as DayFile, newest, this.#index, this.#logger)
    await this.#lock.release()
  }

  async #write(requests: readonly LineRequest[]): Promise<readonly AppendResult[]> {
    const recordedAt = isoInstant(this.#clock.now())
    const file = await this.#useFileFor(recordedAt.slice(0, 10))
    const number = this.#files.length - 1
    let known: Map<string, RecordedEvent>
    let takenBack: number
    do {
      takenBack = this.#takenBack
      known = await this.#knownAmong(requests)
    } while (takenBack !== this.#takenBack)

    const text = this.#text.clear()
    const { count } = this.#index
    try {
      const results = decideAppends<Line, RecordedEvent>(requests, {
        versionOf: (streamId) => this.#index.versionOf(streamId),
        recordedUnder: (key) => known.get(key),
        record: ({ hash, json, event }, { streamId, version, remaining }) => {
          const offset = this.#writer.end + text.length
          const length = text.addLine(json, lineEnd({ streamId, version, recordedAt, remaining }))
          this.#index.add({ file: number, offset, length: length - 1 }, hash, streamId, version)
          event.version = version
          event.recordedAt = recordedAt
          event.position = positionOf(file.day, offset)
          return { event, repeated: false }
        },
      })
      if (text.length > 0) this.#writer.write(text.bytes())
      return results
    } catch (error) {
      this.#index.forgetAfter(count)
      throw error
    }
  }

  async #sync(inPlace: boolean): Promise<void> {
    const { count } = this.#index
    await this.#writer.sync(inPlace)
    this.#durable = Math.max(count, this.#durable)
  }

  #takeBack(): void {
    this.#writer.takeBack()
    this.#index.forgetAfter(this.#durable)
    this.#takenBack += 1
  }

  /** With a new day the day before is complete and durable: its index is written once and for all. */
  async #useFileFor(today: string): Promise<DayFile> {
    const file = this.#fileFor(today)
    await this.#writer.use(file)
    if (file === this.#files.at(-1)) return file
    this.#durable = this.#index.count
    this.#files.push(file)
    const before = this.#files.length - 2
    if (before >= 0) await saveSideIndex(this.#files[before] as DayFile, before, this.#index, this.#logger)
    return file
  }

  /** Today's file; a clock that goes back does not go back to an older file, or positions would not rise. */
  #fileFor(today: string): DayFile {
    const newest = this.#files.at(-1)
    return newest && newest.day >= today ? newest : dayFileAt(this.#dir, today)
  }

  /** Those among the events that were written before, durable or not. */
  async #knownAmong(requests: readonly LineRequest[]): Promise<Map<string, RecordedEvent>> {
    const known = new Map<string, RecordedEvent>()
    for (const { events } of requests) {
      for (const { idempotencyKey, hash } of events) {
        if (!this.#index.has(hash) || known.has(idempotencyKey)) continue
        const event = await this.#reader.findWritten(idempotencyKey, hash)
        if (event) known.set(idempotencyKey, event)
      }
    }
    return known
  }

  #checkOpen(): void {
    if (this.#closing) throw new CommsError('store_closed', `The JSON store in ${this.#dir} was closed`)
  }
}
