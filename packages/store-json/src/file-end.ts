import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Logger } from '@pipe-comms/core'
import type { DayFile } from './day-file.ts'
import { openPrivate, syncFolder } from './private-file.ts'
import type { FileEnd } from './read-rest.ts'

const NEWLINE = Buffer.from('\n')

/** Makes the end of a day file one that can be written on: a missing newline is added, what does not belong to the log is moved aside. */
export async function mendEnd(file: DayFile, size: number, end: FileEnd, logger: Logger): Promise<void> {
  if (end.kind === 'whole') return
  const handle = await openPrivate(file.path, constants.O_RDWR)
  try {
    if (end.kind === 'open') await addNewline(file, size, handle, logger)
    else await moveAside(file.path, end, size, handle, logger)
  } finally {
    await handle.close()
  }
}

async function addNewline(file: DayFile, size: number, handle: FileHandle, logger: Logger): Promise<void> {
  await handle.write(NEWLINE, 0, 1, size)
  await handle.sync()
  file.size = size + 1
  file.crc = crc32(NEWLINE, file.crc)
  logger.warn(`${file.path}: the last line lacked its newline, which was added; the line stays in the log`, { path: file.path })
}

async function moveAside(path: string, { from, why }: { from: number; why: string }, size: number, handle: FileHandle, logger: Logger) {
  const torn = Buffer.alloc(size - from)
  await handle.read(torn, 0, torn.length, from)
  const aside = `${path}.torn-${from}`
  const copy = await openPrivate(aside, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT)
  try {
    await copy.writeFile(torn)
    await copy.sync()
  } finally {
    await copy.close()
  }
  await syncFolder(dirname(path))
  await handle.truncate(from)
  await handle.sync()
  logger.warn(`${path}: ${torn.length} bytes that a crash left half-written were moved to ${aside}: ${why}`, { path, aside })
}
