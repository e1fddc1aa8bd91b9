import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { notOfThisLog, type Position, placeIn } from '@pipe-comms/core'

/** One file of the log: all that was recorded on one day, UTC, a JSON line each. */
export interface DayFile {
  /** `2026-01-06` */
  readonly day: string
  readonly path: string
  /** Bytes that are durable; readers never look behind them. */
  size: number
  /** CRC-32 of these bytes. */
  crc: number
  /** Where damaged lines begin. */
  damaged: readonly number[]
  /** Bytes that the side index on disk covers. */
  indexed: number
}

const NAME = /^message_events_(\d{4}-\d{2}-\d{2})\.jsonl$/
const OLDER_NAME = /^message_events_.*\.json$/

export function dayFileAt(dir: string, day: string): DayFile {
  return { day, path: join(dir, `message_events_${day}.jsonl`), size: 0, crc: 0, damaged: [], indexed: 0 }
}

/** The day files of a folder, oldest first. Other files are left alone. */
export async function listDayFiles(dir: string): Promise<DayFile[]> {
  const days = (await readdir(dir)).flatMap((name) => NAME.exec(name)?.[1] ?? [])
  return days.sort().map((day) => dayFileAt(dir, day))
}

/** Array files of an older log, which `legacyLog` reads. */
export async function listOlderFiles(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => OLDER_NAME.test(name)).sort()
}

/** Whether anything was ever written to the day files of a folder. */
export async function hasEvents(dir: string): Promise<boolean> {
  for (const { path } of await listDayFiles(dir)) if ((await lstat(path)).size > 0) return true
  return false
}

/** Leading zeros for an offset of so many digits: positions sort as strings. Quicker than padding, which every append pays. */
const ZEROS = Array.from({ length: 13 }, (_, digits) => '0'.repeat(12 - digits))

/** A position is the log, the day, and the byte at which the event's line begins: it stays true across restarts and sorts as a string. */
export function positionOf(logId: string, day: string, offset: number): Position {
  const digits = String(offset)
  return `${logId}.${day}:${ZEROS[digits.length]}${digits}`
}

/** @throws CommsError `position_invalid` */
export function parsePosition(logId: string, position: Position): { day: string; offset: number } {
  const found = /^(\d{4}-\d{2}-\d{2}):(\d{12})$/.exec(placeIn(logId, position) ?? '')
  if (!found) throw notAPosition(logId, position)
  return { day: found[1] as string, offset: Number(found[2]) }
}

export function notAPosition(logId: string, position: Position): Error {
  return notOfThisLog('this JSON log', logId, position)
}
