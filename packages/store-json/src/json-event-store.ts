import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  type AppendRequest,
  type AppendResult,
  type Clock,
  CommsError,
  decideAppends,
  type EventStore,
  eventToJson,
  isoInstant,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  silentLogger,
  systemClock,
} from '@pipe-comms/core'
import { type DayFile, dayFileAt, notAPosition, parsePosition, positionOf } from './day-file.ts'
import { diskError } from './disk-error.ts'
import type { LogIndex, Place } from './log-index.ts'
import { LogWriter } from './log-writer.ts'
import { openLog } from './open-log.ts'
import type { JsonEventStoreOptions } from './options.ts'
import { openToRead, readLines } from './read-lines.ts'
import { parseLine, type StoredLine, toRecordedEvent, writeLine } from './stored-line.ts'
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
    return new JsonEventStore(dir, lock, files, index, options.clock ?? systemClock)
  } catch (cause) {
    await lock?.release()
    if (cause instanceof CommsError) throw cause
    throw diskError(`Cannot open the event log in ${dir}`, cause)
  }
}

interface Waiting {
  readonly requests: readonly AppendRequest[]
  /** The events as text, taken when `append` was called: what the caller does to its objects later changes nothing. */
  readonly json: ReadonlyMap<object, string>
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

/** A write is closed at this size, so that a flood of appends does not wait for one huge write. */
const MAX_WRITE_CHARACTERS = 8_388_608

class JsonEventStore implements EventStore {
  readonly #dir: string
  readonly #lock: WriterLock
  readonly #files: DayFile[]
  readonly #index: LogIndex
  readonly #clock: Clock
  readonly #writer = new LogWriter()
  readonly #waiting: Waiting[] = []
  #writing: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(dir: string, lock: WriterLock, files: DayFile[], index: LogIndex, clock: Clock) {
    this.#dir = dir
    this.#lock = lock
    this.#files = files
    this.#index = index
    this.#clock = clock
  }

  async append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    const json = new Map<object, string>()
    const copies = requests.map((request) => {
      const events = request.events.map((event) => ({ ...event }))
      for (const event of events) json.set(event, eventToJson(event))
      return { ...request, events }
    })
    return new Promise((resolve, reject) => {
      this.#waiting.push({ requests: copies, json, resolve, reject })
      this.#writing ??= this.#writeWaiting()
    })
  }

  async find(idempotencyKey: string): Promise<RecordedEvent | undefined> {
    this.#checkOpen()
    return this.#find(idempotencyKey)
  }

  async *readStream(streamId: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    this.#checkOpen()
    const { fromVersion = 1, signal } = options
    for (const place of this.#index.placesOf(streamId)) {
      signal?.throwIfAborted()
      const event = await this.#readAt(place)
      if (event && event.version >= fromVersion) yield event
    }
  }

  async *readAll(options: ReadAllOptions = {}): AsyncIterable<RecordedEvent> {
    this.#checkOpen()
    const start = options.after === undefined ? { number: 0, from: 0 } : await this.#placeAfter(options.after)
    let from = start.from
    for (let number = start.number; number < this.#files.length; number += 1) {
      const file = this.#files[number] as DayFile
      // The newest file grows while it is read.
      while (from < file.size) {
        const to = file.size
        for await (const event of readEvents(file, from, to, options.signal)) yield event
        from = to
      }
      from = 0
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#writeOut()
    return this.#closing
  }

  async #writeOut(): Promise<void> {
    await this.#writing
    await this.#writer.close()
    await this.#lock.release()
  }

  async #writeWaiting(): Promise<void> {
    // What is appended in the same turn of the event loop goes together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch()
      try {
        const results = await this.#writeBatch(batch)
        let start = 0
        for (const { requests, resolve } of batch) {
          resolve(results.slice(start, start + requests.length))
          start += requests.length
        }
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    // In the same turn as the check above: an append between the two would wait for ever.
    this.#writing = undefined
  }

  #takeBatch(): Waiting[] {
    let characters = 0
    let count = 0
    for (const { json } of this.#waiting) {
      for (const text of json.values()) characters += text.length
      count += 1
      if (characters > MAX_WRITE_CHARACTERS) break
    }
    return this.#waiting.splice(0, count)
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<readonly AppendResult[]> {
    const requests = batch.flatMap((waiting) => waiting.requests)
    const json = new Map(batch.flatMap((waiting) => [...waiting.json]))
    const known = await this.#knownAmong(requests)
    const now = this.#clock.now()
    const recordedAt = isoInstant(now)
    const file = this.#fileFor(recordedAt.slice(0, 10))
    const number = this.#files.includes(file) ? this.#files.indexOf(file) : this.#files.length

    const lines: string[] = []
    const added: { place: Place; event: RecordedEvent }[] = []
    let offset = file.size
    const results = decideAppends(requests, {
      versionOf: (streamId) => this.#index.versionOf(streamId),
      recordedUnder: (key) => known.get(key),
      record: (event, { streamId, version, remaining }) => {
        const line = writeLine(json.get(event) as string, { streamId, version, recordedAt, remaining })
        const bytes = Buffer.byteLength(line)
        const recorded = { ...event, streamId, version, recordedAt, position: positionOf(file.day, offset) } as RecordedEvent
        lines.push(line)
        added.push({ place: { file: number, offset, length: bytes - 1 }, event: recorded })
        offset += bytes
        return recorded
      },
    })
    if (lines.length === 0) return results

    await this.#writer.write(file, Buffer.from(lines.join('')))
    if (number === this.#files.length) this.#files.push(file)
    for (const { place, event } of added) this.#index.add(place, event.idempotencyKey, event.streamId, event.version)
    return results
  }

  /** Today's file; a clock that goes back does not go back to an older file, or positions would not rise. */
  #fileFor(today: string): DayFile {
    const newest = this.#files.at(-1)
    return newest && newest.day >= today ? newest : dayFileAt(this.#dir, today)
  }

  async #knownAmong(requests: readonly AppendRequest[]): Promise<Map<string, RecordedEvent>> {
    const known = new Map<string, RecordedEvent>()
    for (const { events } of requests) {
      for (const { idempotencyKey } of events) {
        const event = known.has(idempotencyKey) ? undefined : await this.#find(idempotencyKey)
        if (event) known.set(idempotencyKey, event)
      }
    }
    return known
  }

  async #find(idempotencyKey: string): Promise<RecordedEvent | undefined> {
    for (const place of this.#index.candidates(idempotencyKey)) {
      const event = await this.#readAt(place)
      if (event?.idempotencyKey === idempotencyKey) return event
    }
    return undefined
  }

  async #readAt(place: Place): Promise<RecordedEvent | undefined> {
    const file = this.#files[place.file] as DayFile
    const bytes = await readBytes(file.path, place.offset, place.length)
    const line = parseLine(bytes)
    return line && toRecordedEvent(line, positionOf(file.day, place.offset))
  }

  async #placeAfter(position: Position): Promise<{ number: number; from: number }> {
    const { day, offset } = parsePosition(position)
    const number = this.#files.findIndex((file) => file.day === day)
    const file = this.#files[number]
    if (!file || offset >= file.size) throw notAPosition(position)
    const before = offset === 0 ? '\n' : (await readBytes(file.path, offset - 1, 1)).toString('latin1')
    if (before !== '\n') throw notAPosition(position)
    const handle = await openToRead(file.path)
    try {
      for await (const [line] of readLines(handle, offset, file.size)) {
        return { number, from: offset + (line?.bytes.length ?? 0) + 1 }
      }
    } finally {
      await handle.close()
    }
    throw notAPosition(position)
  }

  #checkOpen(): void {
    if (this.#closing) throw new CommsError('store_closed', `The JSON store in ${this.#dir} was closed`)
  }
}

async function* readEvents(file: DayFile, from: number, to: number, signal: AbortSignal | undefined): AsyncGenerator<RecordedEvent> {
  const handle = await openToRead(file.path)
  try {
    for await (const lines of readLines(handle, from, to, signal)) {
      for (const { offset, bytes } of lines) {
        signal?.throwIfAborted()
        const line: StoredLine | undefined = parseLine(bytes)
        if (line) yield toRecordedEvent(line, positionOf(file.day, offset))
      }
    }
  } finally {
    await handle.close()
  }
}

async function readBytes(path: string, offset: number, length: number): Promise<Buffer> {
  const handle = await openToRead(path)
  try {
    const bytes = Buffer.alloc(length)
    await handle.read(bytes, 0, length, offset)
    return bytes
  } finally {
    await handle.close()
  }
}
