import type { FileHandle } from 'node:fs/promises'
import type { Logger } from '@pipe-comms/core'
import { type DayFile, listDayFiles, listOlderFiles } from './day-file.ts'
import { mendEnd } from './file-end.ts'
import type { KeyHasher } from './key-hash.ts'
import { LogIndex } from './log-index.ts'
import { openToRead } from './read-lines.ts'
import { readRest } from './read-rest.ts'
import { checksumOf, readSideIndex, releaseEntries, sideIndexPath, writeSideIndex } from './side-index.ts'

/** Reading fewer bytes than this takes a moment; an index for them is written at closing. */
const WORTH_AN_INDEX_BYTES = 16_777_216

export interface OpenLogOptions {
  readonly hasher: KeyHasher
  readonly logger: Logger
  /** `2026-01-06`, UTC, by the clock of the store. */
  readonly today: string
  /** Whether files may be changed; otherwise what a crash left at an end stays there, and readers do not look at it. */
  readonly mayWrite: boolean
}

/**
 * Indexes the day files of a folder. What a crash left half-written at the end of a file is moved aside into `….torn-<byte>` and logged. A
 * damaged line is logged and keeps its place, where readers find an `event.unreadable`.
 * @throws CommsError `store_corrupt` for a day file that another program wrote; it stays as it was.
 */
export async function openLog(dir: string, options: OpenLogOptions): Promise<{ files: DayFile[]; index: LogIndex }> {
  const { hasher, logger, today, mayWrite } = options
  const files = await listDayFiles(dir)
  const index = new LogIndex()
  for (const [number, file] of files.entries()) {
    const handle = await openToRead(file.path)
    try {
      const { size } = await handle.stat()
      const durable = await takeSideIndex(file, number, size, handle, index, options)
      const end = await readRest({ file, number, size, handle, index, hasher, durable })
      for (const offset of file.damaged) {
        logger.error(
          `${file.path}: the line at byte ${offset} is damaged: readers find an event.unreadable in its place. Restore it from a backup`,
          {
            path: file.path,
            offset,
          },
        )
      }
      if (mayWrite) await mendEnd(file, size, end, logger)
    } finally {
      await handle.close()
    }
    if (mayWrite && file.size - file.indexed >= WORTH_AN_INDEX_BYTES) await saveSideIndex(file, number, index, hasher, logger)
  }
  const older = await listOlderFiles(dir)
  if (older.length > 0) {
    logger.warn(
      `${dir} holds ${older.length} older files, such as ${older[0]}, which are not read: legacyLog() with importLog() brings them into the log`,
      {
        dir,
      },
    )
  }
  const newest = files.at(-1)
  if (newest && newest.day > today) {
    logger.warn(
      `${newest.path} is of a day to come, today is ${today}: the clock was ahead once, or is behind now. New events go into this file until that day, so that positions stay in order; check the clock`,
      { path: newest.path, today },
    )
  }
  return { files, index }
}

/** An index that cannot be written costs time at the next opening, nothing else. */
export async function saveSideIndex(file: DayFile, number: number, index: LogIndex, hasher: KeyHasher, logger: Logger): Promise<void> {
  if (file.indexed === file.size) return
  const { size: bytes, crc, damaged } = file
  try {
    await writeSideIndex(file.path, { bytes, crc, damaged, hashSeed: hasher.seed, entries: await index.entriesOf(number) })
    file.indexed = bytes
  } catch (error) {
    logger.warn(`${sideIndexPath(file.path)} could not be written; the next opening reads the day file instead`, { error: String(error) })
  }
}

/** Gives how many bytes of the day file were durable when the index was written; 0 without an index. */
async function takeSideIndex(
  file: DayFile,
  number: number,
  size: number,
  handle: FileHandle,
  index: LogIndex,
  { hasher, logger }: OpenLogOptions,
): Promise<number> {
  const side = await readSideIndex(file.path)
  if (!side) return 0
  const { path } = file
  if (side.bytes > size) {
    logger.error(
      `${path} has ${size} bytes, ${side.bytes} were recorded: it was cut or changed from outside, and acknowledged events may be missing. Restore it from a backup`,
      { path },
    )
    return 0
  }
  if ((await checksumOf(handle, 0, side.bytes, 0)) !== side.crc) {
    logger.warn(`${sideIndexPath(path)} is not of this day file and is made anew: the day file was changed from outside`, { path })
    return side.bytes
  }
  if (side.hashSeed[0] === hasher.seed[0] && side.hashSeed[1] === hasher.seed[1]) {
    index.addFile(number, side.entries)
    Object.assign(file, { size: side.bytes, crc: side.crc, damaged: side.damaged, indexed: side.bytes })
  }
  releaseEntries(side.entries)
  return side.bytes
}
