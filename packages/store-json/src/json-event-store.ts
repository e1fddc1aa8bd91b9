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
  UnreadableEvents,
} from '@pipe-comms/core'
import { type DayFile, dayFileAt, hasEvents, positionOf } from './day-file.ts'
import { diskError, isDiskFull } from './disk-error.ts'
import { GroupCommit, type Line, type LineRequest } from './group-commit.ts'
import { type KeyHash, KeyHasher } from './key-hash.ts'
import { openLogIdentity } from './log-identity.ts'
import type { LogIndex } from './log-index.ts'
import { LogReader } from './log-reader.ts'
import { LogWriter } from './log-writer.ts'
import { openLog, saveSideIndex } from './open-log.ts'
import type { JsonEventStoreOptions } from './options.ts'
import { createPrivateFolder } from './private-file.ts'
import { lineEnd } from './stored-line.ts'
import { TextBuffer } from './text-buffer.ts'
import { WriterLock } from './writer-lock.ts'

/**
 * Opens an event log in JSON-lines day files, `message_events_2026-01-06.jsonl` (UTC), in one folder, for one writing process. Every
 * append is on the disk (fdatasync) before it is acknowledged; appends that wait while a write is under way share the next one.
 * @example
 * const store = await openJsonEventStore({ dir: './logs/message_events' })
 *
 * On a full disk the log opens to read; appends are refused with `store_unavailable` until there is space.
 * @throws CommsError `store_locked` when another process writes to the folder, `store_unavailable` when it cannot be read or written,
 * `store_corrupt` when it holds a day file of another program, or a symbolic link in the place of a file.
 */
export async function openJsonEventStore(options: JsonEventStoreOptions): Promise<EventStore> {
  if (typeof options?.dir !== 'string' || options.dir === '') {
    throw new CommsError(
      'configuration_invalid',
      `openJsonEventStore: dir: expected the path of a folder, got ${JSON.stringify(options?.dir)}`,
    )
  }
  const dir = resolve(options.dir)
  const { clock = systemClock, logger = silentLogger } = options
  try {
    await createPrivateFolder(dir)
    return new JsonEventStore(dir, await openFolder(dir, clock, logger), clock, logger)
  } catch (cause) {
    throw diskError(`Cannot open the event log in ${dir}`, cause)
  }
}

/** The index of a smaller day file is written in a few milliseconds. */
const LARGE_DAY_BYTES = 16_777_216

/** The log of a folder, and the right to write it; without the right while the disk is full. */
interface OpenFolder {
  readonly lock: WriterLock | undefined
  readonly logId: string
  readonly hasher: KeyHasher
  readonly files: DayFile[]
  readonly index: LogIndex
  readonly reader: LogReader
}

async function openFolder(dir: string, clock: Pick<Clock, 'now'>, logger: Logger): Promise<OpenFolder> {
  try {
    return await openLocked(dir, await WriterLock.acquire(dir), clock, logger)
  } catch (error) {
    // All that is there can be read.
    if (!isDiskFull(error)) throw error
    logger.error(`${dir}: the disk is full. The log is open to read; appends are refused until there is space`, { dir })
    return openLocked(dir, undefined, clock, logger)
  }
}

async function openLocked(dir: string, lock: WriterLock | undefined, clock: Pick<Clock, 'now'>, logger: Logger): Promise<OpenFolder> {
  try {
    const { logId, hashSeed } = await openLogIdentity(dir, await hasEvents(dir), logger)
    const hasher = new KeyHasher(hashSeed)
    const today = isoInstant(clock.now()).slice(0, 10)
    const { files, index } = await openLog(dir, { hasher, logger, today, mayWrite: lock !== undefined })
    const events = new UnreadableEvents(dir, logger)
    for (const { day, damaged } of files) for (const offset of damaged) events.reported(positionOf(logId, day, offset))
    return { lock, logId, hasher, files, index, reader: new LogReader(files, index, logId, events) }
  } catch (error) {
    await lock?.release()
    throw error
  }
}

class JsonEventStore implements EventStore {
  readonly #dir: string
  readonly #clock: Pick<Clock, 'now'>
  readonly #logger: Logger
  readonly #writer = new LogWriter()
  readonly #text = new TextBuffer()
  readonly #commit = new GroupCommit({
    write: (requests) => this.#write(requests),
    sync: (inPlace) => this.#sync(inPlace),
    takeBack: () => this.#takeBack(),
  })
  #folder: OpenFolder
  /** Lines of the index that are durable; readers never look at the others. */
  #durable: number
  /** How often lines were taken back that were not durable yet. */
  #takenBack = 0
  /** The index of the day before is being written; never rejects. */
  #indexing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(dir: string, folder: OpenFolder, clock: Pick<Clock, 'now'>, logger: Logger) {
    this.#dir = dir
    this.#folder = folder
    this.#durable = folder.index.count
    this.#clock = clock
    this.#logger = logger
  }

  async append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    return this.#commit.append(requests)
  }

  async find(idempotencyKey: string): Promise<RecordedEvent | undefined> {
    this.#checkOpen()
    const { reader, hasher } = this.#folder
    return reader.find(idempotencyKey, hasher.hash(idempotencyKey))
  }

  async *readStream(streamId: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    this.#checkOpen()
    yield* this.#folder.reader.readStream(streamId, options)
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
    yield* this.#folder.reader.readBatches(options)
  }

  async #writeOut(): Promise<void> {
    await this.#commit.settled()
    await this.#writer.close()
    await this.#indexing
    const { files, lock } = this.#folder
    if (lock && files.length > 0) await this.#saveIndexOf(files.length - 1)
    await lock?.release()
  }

  async #write(requests: readonly LineRequest[]): Promise<readonly AppendResult[]> {
    const recordedAt = isoInstant(this.#clock.now())
    if (!this.#folder.lock) await this.#openToWrite()
    const file = await this.#useFileFor(recordedAt.slice(0, 10))
    const { files, index, logId } = this.#folder
    const number = files.length - 1
    let known: Map<string, RecordedEvent>
    let takenBack: number
    do {
      takenBack = this.#takenBack
      known = await this.#knownAmong(requests)
    } while (takenBack !== this.#takenBack)

    const text = this.#text.clear()
    const { count } = index
    try {
      const results = decideAppends<Line, RecordedEvent>(requests, {
        versionOf: (streamId) => index.versionOf(streamId),
        recordedUnder: (key) => known.get(key),
        record: ({ hash, json, event }, { streamId, version, remaining }) => {
          const offset = this.#writer.end + text.length
          const length = text.addLine(json, lineEnd({ streamId, version, recordedAt, remaining }))
          index.add({ file: number, offset, length: length - 1 }, hash as KeyHash, streamId, version)
          event.version = version
          event.recordedAt = recordedAt
          event.position = positionOf(logId, file.day, offset)
          return { event, repeated: false }
        },
      })
      if (text.length > 0) this.#writer.write(text.bytes())
      return results
    } catch (error) {
      index.forgetAfter(count)
      throw error
    }
  }

  async #sync(inPlace: boolean): Promise<void> {
    const { count } = this.#folder.index
    await this.#writer.sync(inPlace)
    this.#durable = Math.max(count, this.#durable)
  }

  #takeBack(): void {
    this.#writer.takeBack()
    this.#folder.index.forgetAfter(this.#durable)
    this.#takenBack += 1
  }

  /** Once there is space again, the folder is opened as if for the first time. */
  async #openToWrite(): Promise<void> {
    const folder = await openFolder(this.#dir, this.#clock, this.#logger).catch((cause) => {
      throw diskError(`Cannot write the event log in ${this.#dir}`, cause)
    })
    this.#folder = folder
    this.#durable = folder.index.count
    if (!folder.lock) throw new CommsError('store_unavailable', `Cannot write the event log in ${this.#dir}: the disk is full`)
    this.#logger.info(`${this.#dir}: there is space again, appends go on`, { dir: this.#dir })
  }

  /** With a new day the day before is complete and durable: its index is written once and for all. */
  async #useFileFor(today: string): Promise<DayFile> {
    const { files, index } = this.#folder
    const file = this.#fileFor(today)
    await this.#writer.use(file)
    if (file === files.at(-1)) return file
    this.#durable = index.count
    files.push(file)
    if (files.length > 1) {
      this.#indexing = this.#saveIndexOf(files.length - 2)
      // The first append of a day does not wait for the index of a large day before it.
      if ((files.at(-2) as DayFile).size < LARGE_DAY_BYTES) await this.#indexing
    }
    return file
  }

  /** Today's file; a clock that goes back does not go back to an older file, or positions would not rise. */
  #fileFor(today: string): DayFile {
    const newest = this.#folder.files.at(-1)
    return newest && newest.day >= today ? newest : dayFileAt(this.#dir, today)
  }

  async #saveIndexOf(number: number): Promise<void> {
    const { files, index, hasher } = this.#folder
    await saveSideIndex(files[number] as DayFile, number, index, hasher, this.#logger)
  }

  /** Those among the events that were written before, durable or not. Gives each line its hash. */
  async #knownAmong(requests: readonly LineRequest[]): Promise<Map<string, RecordedEvent>> {
    const { reader, index, hasher } = this.#folder
    const known = new Map<string, RecordedEvent>()
    for (const { events } of requests) {
      for (const line of events) {
        line.hash = hasher.hash(line.idempotencyKey)
        if (!index.has(line.hash) || known.has(line.idempotencyKey)) continue
        const event = await reader.findWritten(line.idempotencyKey, line.hash)
        if (event) known.set(line.idempotencyKey, event)
      }
    }
    return known
  }

  #checkOpen(): void {
    if (this.#closing) throw new CommsError('store_closed', `The JSON store in ${this.#dir} was closed`)
  }
}
