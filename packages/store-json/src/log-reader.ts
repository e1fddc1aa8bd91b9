import type { FileHandle } from 'node:fs/promises'
import type { Position, ReadAllOptions, ReadStreamOptions, RecordedEvent, UnreadableEvents } from '@pipe-comms/core'
import { type DayFile, notAPosition, parsePosition, positionOf } from './day-file.ts'
import type { KeyHash } from './key-hash.ts'
import type { LogIndex, Place } from './log-index.ts'
import { openToRead, readLines } from './read-lines.ts'
import { toRecordedEvent } from './stored-line.ts'

const NEWLINE = 10

/** Reads the durable part of the log; what is written behind it may still be taken back. */
export class LogReader {
  readonly #files: readonly DayFile[]
  readonly #index: LogIndex
  readonly #logId: string
  readonly #events: UnreadableEvents

  constructor(files: readonly DayFile[], index: LogIndex, logId: string, events: UnreadableEvents) {
    this.#files = files
    this.#index = index
    this.#logId = logId
    this.#events = events
  }

  async find(idempotencyKey: string, hash: KeyHash): Promise<RecordedEvent | undefined> {
    return this.#findAt(this.#index.candidates(hash).filter(this.#isDurable), idempotencyKey)
  }

  /** Also what is written and not durable. */
  async findWritten(idempotencyKey: string, hash: KeyHash): Promise<RecordedEvent | undefined> {
    return this.#findAt(this.#index.candidates(hash), idempotencyKey)
  }

  async *readStream(streamId: string, { fromVersion = 1, signal }: ReadStreamOptions): AsyncGenerator<RecordedEvent> {
    let reader: { file: DayFile; handle: FileHandle } | undefined
    try {
      for (const place of this.#index.placesOf(streamId, fromVersion).filter(this.#isDurable)) {
        signal?.throwIfAborted()
        const file = this.#files[place.file] as DayFile
        if (reader?.file !== file) {
          await reader?.handle.close()
          reader = { file, handle: await openToRead(file.path) }
        }
        const event = await this.#readEvent(reader.handle, file, place)
        if (event.version >= fromVersion) yield event
      }
    } finally {
      await reader?.handle.close()
    }
  }

  async *readBatches({ after, signal }: ReadAllOptions): AsyncGenerator<readonly RecordedEvent[]> {
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
              if (text.length > 2 || text.trim() !== '')
                events.push(toRecordedEvent(text, positionOf(this.#logId, file.day, offset), this.#events))
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

  readonly #isDurable = ({ file, offset }: Place): boolean => offset < (this.#files[file] as DayFile).size

  async #findAt(candidates: readonly Place[], idempotencyKey: string): Promise<RecordedEvent | undefined> {
    for (const place of candidates) {
      const file = this.#files[place.file] as DayFile
      const handle = await openToRead(file.path)
      try {
        const event = await this.#readEvent(handle, file, place)
        if (event.idempotencyKey === idempotencyKey) return event
      } finally {
        await handle.close()
      }
    }
    return undefined
  }

  async #placeAfter(position: Position): Promise<{ number: number; from: number }> {
    const { day, offset } = parsePosition(this.#logId, position)
    const number = this.#files.findIndex((file) => file.day === day)
    const file = this.#files[number]
    if (!file || offset >= file.size) throw notAPosition(this.#logId, position)
    const handle = await openToRead(file.path)
    try {
      // A line begins where the file does, or behind a newline.
      const begins = offset === 0 || (await readBytes(handle, offset - 1, 1))[0] === NEWLINE
      if (!begins) throw notAPosition(this.#logId, position)
      for await (const [line] of readLines(handle, offset, file.size)) return { number, from: offset + (line?.length ?? 0) + 1 }
    } finally {
      await handle.close()
    }
    throw notAPosition(this.#logId, position)
  }

  async #readEvent(handle: FileHandle, file: DayFile, { offset, length }: Place): Promise<RecordedEvent> {
    const text = (await readBytes(handle, offset, length)).toString('utf8')
    return toRecordedEvent(text, positionOf(this.#logId, file.day, offset), this.#events)
  }
}

async function readBytes(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length)
  const { bytesRead } = await handle.read(bytes, 0, length, offset)
  return bytes.subarray(0, bytesRead)
}
