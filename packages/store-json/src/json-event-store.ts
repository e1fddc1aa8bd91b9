import { type FileHandle, mkdir } from 'node:fs/promises'
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
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  silentLogger,
  systemClock,
} from '@pipe-comms/core'
import { type DayFile, dayFileAt, notAPosition, parsePosition, positionOf } from './day-file.ts'
import { diskError } from './disk-error.ts'
import { GroupCommit, type Line, type LineRequest } from './group-commit.ts'
import { hashOf, type KeyHash, type LogIndex, type Place } from './log-index.ts'
import { LogWriter } from './log-writer.ts'
import { openLog, saveSideIndex } from './open-log.ts'
import type { JsonEventStoreOptions } from './options.ts'
import { openToRead, readLines } from './read-lines.ts'
import { lineEnd, parseLine, toRecordedEvent } from './stored-line.ts'
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

const NEWLINE = 10

class JsonEventStore implements EventStore {
  readonly #dir: string
  readonly #lock: WriterLock
  readonly #files: DayFile[]
  readonly #index: LogIndex
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #writer = new LogWriter()
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

  constructor(dir: string, lock: WriterLock, files: DayFile[], index: LogIndex, clock: Clock, logger: Logger) {
    this.#dir = dir
    this.#lock = lock
    this.#files = files
    this.#index = index
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
    return this.#find(idempotencyKey, this.#index.candidates(hashOf(idempotencyKey)).filter(this.#isDurable))
  }

  async *readStream(streamId: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    this.#checkOpen()
    const { fromVersion = 1, signal } = options
    let reader: { file: DayFile; handle: FileHandle } | undefined
    try {
      for (const place of this.#index.placesOf(streamId, fromVersion).filter(this.#isDurable)) {
        signal?.throwIfAborted()
        const file = this.#files[place.file] as DayFile
        if (reader?.file !== file) {
          await reader?.handle.close()
          reader = { file, handle: await openToRead(file.path) }
        }
        const event = await readEvent(reader.handle, file, place)
        if (event && event.version >= fromVersion) yield event
      }
    } finally {
      await reader?.handle.close()
    }
  }

  readAll(options: ReadAllOptions = {}): AsyncIterable<RecordedEvent> {
    return flattenBatches(this.#readBatches(options), options.signal)
  }

  close(): Promise<void> {
    this.#closing ??= this.#writeOut()
    return this.#closing
  }

  async *#readBatches({ after, signal }: ReadAllOptions): AsyncGenerator<readonly RecordedEvent[]> {
    this.#checkOpen()
    const start = after === undefined ? { number: 0, from: 0 } : await this.#placeAfter(after)
    let { from } = start
    for (let number = start.number; number < this.#files.length; number += 1) {
      const file = this.#files[number] as DayFile
      const handle = await openToRead(file.path)
      try {
        // The newest file grows while it is read.
        while (from < file.size) {
          const to = file.size
          for await (const lines of readLines(handle, from, to, signal)) {
            const events: RecordedEvent[] = []
            for (const { offset, text } of lines) {
              const line = parseLine(text)
              if (line) events.push(toRecordedEvent(line, positionOf(file.day, offset)))
            }
            yield events
          }
          from = to
        }
      } finally {
        await handle.close()
      }
      from = 0
    }
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

    const added: { place: Place; hash: KeyHash; event: RecordedEvent }[] = []
    const text = this.#text.clear()
    const results = decideAppends<Line, RecordedEvent>(requests, {
      versionOf: (streamId) => this.#index.versionOf(streamId),
      recordedUnder: (key) => known.get(key),
      record: ({ hash, json, event }, { streamId, version, remaining }) => {
        const offset = this.#writer.end + text.length
        const length = text.addLine(json, lineEnd({ streamId, version, recordedAt, remaining }))
        const recorded: RecordedEvent = Object.assign(event, { streamId, version, recordedAt, position: positionOf(file.day, offset) })
        added.push({ place: { file: number, offset, length: length - 1 }, hash, event: recorded })
        return recorded
      },
    })
    if (added.length === 0) return results

    this.#writer.write(text.bytes())
    for (const { place, hash, event } of added) this.#index.add(place, hash, event.streamId, event.version)
    return results
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

  readonly #isDurable = ({ file, offset }: Place): boolean => offset < (this.#files[file] as DayFile).size

  /** Those among the events that were written before, durable or not. */
  async #knownAmong(requests: readonly LineRequest[]): Promise<Map<string, RecordedEvent>> {
    const known = new Map<string, RecordedEvent>()
    for (const { events } of requests) {
      for (const { idempotencyKey, hash } of events) {
        const places = this.#index.candidates(hash)
        if (places.length === 0 || known.has(idempotencyKey)) continue
        const event = await this.#find(idempotencyKey, places)
        if (event) known.set(idempotencyKey, event)
      }
    }
    return known
  }

  async #find(idempotencyKey: string, candidates: readonly Place[]): Promise<RecordedEvent | undefined> {
    for (const place of candidates) {
      const event = await this.#readAt(place)
      if (event?.idempotencyKey === idempotencyKey) return event
    }
    return undefined
  }

  async #readAt(place: Place): Promise<RecordedEvent | undefined> {
    const file = this.#files[place.file] as DayFile
    const handle = await openToRead(file.path)
    try {
      return await readEvent(handle, file, place)
    } finally {
      await handle.close()
    }
  }

  async #placeAfter(position: Position): Promise<{ number: number; from: number }> {
    const { day, offset } = parsePosition(position)
    const number = this.#files.findIndex((file) => file.day === day)
    const file = this.#files[number]
    if (!file || offset >= file.size) throw notAPosition(position)
    const handle = await openToRead(file.path)
    try {
      // A line begins where the file does, or behind a newline.
      const begins = offset === 0 || (await readBytes(handle, offset - 1, 1))[0] === NEWLINE
      if (!begins) throw notAPosition(position)
      for await (const [line] of readLines(handle, offset, file.size)) return { number, from: offset + (line?.length ?? 0) + 1 }
    } finally {
      await handle.close()
    }
    throw notAPosition(position)
  }

  #checkOpen(): void {
    if (this.#closing) throw new CommsError('store_closed', `The JSON store in ${this.#dir} was closed`)
  }
}

async function readEvent(handle: FileHandle, file: DayFile, { offset, length }: Place): Promise<RecordedEvent | undefined> {
  const line = parseLine((await readBytes(handle, offset, length)).toString('utf8'))
  return line && toRecordedEvent(line, positionOf(file.day, offset))
}

async function readBytes(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  const { bytesRead } = await handle.read(bytes, 0, length, offset)
  return bytes.subarray(0, bytesRead)
}
