import { type FileHandle, stat, truncate, writeFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { Logger } from '@pipe-comms/core'
import { type DayFile, listDayFiles } from './day-file.ts'
import { hashOf, LogIndex, type Place } from './log-index.ts'
import { CHUNK_BYTES, openToRead, readLines } from './read-lines.ts'
import { readSideIndex, releaseEntries, sideIndexPath, writeSideIndex } from './side-index.ts'
import { parseLine, type StoredLine } from './stored-line.ts'

/** Reading fewer bytes than this takes a moment; an index for them is written at closing. */
const WORTH_AN_INDEX_BYTES = 16_777_216

/**
 * Indexes the day files of a folder. What a crash left half-written at the end of a file was never acknowledged: it is moved aside
 * into `….torn-<byte>` and reported. A broken line before good ones is damage from outside: it is reported, stays in the file for
 * repair, and is left out by readers.
 */
export async function openLog(dir: string, logger: Logger): Promise<{ files: DayFile[]; index: LogIndex }> {
  const files = await listDayFiles(dir)
  const index = new LogIndex()
  for (const [number, file] of files.entries()) {
    const { size } = await stat(file.path)
    const handle = await openToRead(file.path)
    let end: number
    try {
      await takeSideIndex(file, number, size, handle, index, logger)
      end = await readRest(file, number, size, handle, index)
    } finally {
      await handle.close()
    }
    for (const offset of file.damaged) {
      logger.error(`${file.path}: the line at byte ${offset} is damaged and is left out of reading`, { path: file.path, offset })
    }
    if (end < size) await moveTornEndAside(file.path, end, size, logger)
    if (file.size - file.indexed >= WORTH_AN_INDEX_BYTES) await saveSideIndex(file, number, index, logger)
  }
  return { files, index }
}

/** An index that cannot be written costs time at the next opening, nothing else. */
export async function saveSideIndex(file: DayFile, number: number, index: LogIndex, logger: Logger): Promise<void> {
  if (file.indexed === file.size) return
  const { size: bytes, crc, damaged } = file
  try {
    await writeSideIndex(file.path, { bytes, crc, damaged, entries: index.entriesOf(number) })
    file.indexed = bytes
  } catch (error) {
    logger.warn(`${sideIndexPath(file.path)} could not be written; the next opening reads the day file instead`, { error: String(error) })
  }
}

async function takeSideIndex(
  file: DayFile,
  number: number,
  size: number,
  handle: FileHandle,
  index: LogIndex,
  logger: Logger,
): Promise<void> {
  const side = await readSideIndex(file.path)
  if (!side) return
  if (side.bytes > size || (await checksumOf(handle, 0, side.bytes, 0)) !== side.crc) {
    logger.warn(`${sideIndexPath(file.path)} is not of this day file and is made anew`, { path: file.path })
    return
  }
  index.addFile(number, side.entries)
  releaseEntries(side.entries)
  Object.assign(file, { size: side.bytes, crc: side.crc, damaged: side.damaged, indexed: side.bytes })
}

/** CRC-32 of the bytes of a range, going on from that of the bytes before it. */
async function checksumOf(handle: FileHandle, from: number, to: number, before: number): Promise<number> {
  let crc = before
  const chunk = Buffer.allocUnsafe(4 * CHUNK_BYTES)
  for (let at = from; at < to; ) {
    const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, to - at), at)
    if (bytesRead === 0) break
    crc = crc32(chunk.subarray(0, bytesRead), crc)
    at += bytesRead
  }
  return crc
}

interface Found {
  readonly line: StoredLine
  readonly place: Place
}

/** Reads what no index covers; gives where the good part ends. What lies behind is torn unless a good line follows. */
async function readRest(file: DayFile, number: number, size: number, handle: FileHandle, index: LogIndex): Promise<number> {
  let end = file.size
  const broken: number[] = []
  let request: Found[] = []
  for await (const lines of readLines(handle, end, size)) {
    for (const { offset, length, text, complete } of lines) {
      const line = complete ? parseLine(text) : undefined
      if (!line) {
        broken.push(offset)
        continue
      }
      request.push({ line, place: { file: number, offset, length } })
      if ((line.remaining ?? 0) > 0) continue
      for (const { line: whole, place } of request) index.add(place, hashOf(whole.idempotencyKey), whole.streamId, whole.version)
      request = []
      end = offset + length + 1
    }
  }
  file.damaged = [...file.damaged, ...broken.filter((offset) => offset < end)]
  file.crc = await checksumOf(handle, file.size, end, file.crc)
  file.size = end
  return end
}

async function moveTornEndAside(path: string, from: number, to: number, logger: Logger): Promise<void> {
  const handle = await openToRead(path)
  const torn = Buffer.alloc(to - from)
  try {
    await handle.read(torn, 0, torn.length, from)
  } finally {
    await handle.close()
  }
  const aside = `${path}.torn-${from}`
  await writeFile(aside, torn, { flag: 'a', flush: true })
  await truncate(path, from)
  logger.warn(`${path}: ${torn.length} bytes that a crash left half-written, never acknowledged, were moved to ${aside}`, { path, aside })
}
