import { stat, truncate, writeFile } from 'node:fs/promises'
import type { Logger } from '@pipe-comms/core'
import { type DayFile, listDayFiles } from './day-file.ts'
import { LogIndex, type Place } from './log-index.ts'
import { openToRead, readLines } from './read-lines.ts'
import { parseLine, type StoredLine } from './stored-line.ts'

/**
 * Reads the day files of a folder and indexes them. What a crash left half-written at the end of a file was never acknowledged: it is
 * moved aside into `….torn-<byte>` and reported. A broken line before good ones is damage from outside: it is reported, stays in the
 * file for repair, and is left out by readers.
 */
export async function openLog(dir: string, logger: Logger): Promise<{ files: DayFile[]; index: LogIndex }> {
  const files = await listDayFiles(dir)
  const index = new LogIndex()
  for (const [number, file] of files.entries()) await openDayFile(file, number, index, logger)
  return { files, index }
}

interface Found {
  readonly line: StoredLine
  readonly place: Place
}

async function openDayFile(file: DayFile, number: number, index: LogIndex, logger: Logger): Promise<void> {
  const { size } = await stat(file.path)
  const handle = await openToRead(file.path)
  /** Where the good part ends; what lies behind is torn unless a good line follows. */
  let end = 0
  const broken: number[] = []
  let request: Found[] = []
  try {
    for await (const lines of readLines(handle, 0, size)) {
      for (const { offset, bytes, complete } of lines) {
        const line = complete ? parseLine(bytes) : undefined
        if (!line) {
          broken.push(offset)
          continue
        }
        request.push({ line, place: { file: number, offset, length: bytes.length } })
        if ((line.remaining ?? 0) > 0) continue
        for (const { line: whole, place } of request) index.add(place, whole.idempotencyKey, whole.streamId, whole.version)
        request = []
        end = offset + bytes.length + 1
      }
    }
  } finally {
    await handle.close()
  }
  for (const offset of broken.filter((at) => at < end)) {
    logger.error(`${file.path}: the line at byte ${offset} is damaged and is left out of reading`, { path: file.path, offset })
  }
  if (end < size) await moveTornEndAside(file.path, end, size, logger)
  file.size = end
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
