import { CommsError, type Position } from '@pipe-comms/core'

/** More events than the largest file SQLite can hold (281 TB, https://www.sqlite.org/limits.html), so the strings sort as the numbers. */
const DIGITS = 12

/** {@link positionOf} in SQL. Numbers that become text in JavaScript stay in a cache there, which a long read would swell. */
export const POSITION = `printf('%0${DIGITS}d', event_position)`

/** The row number in `message_events`, as the opaque string that callers get. */
export function positionOf(row: number): Position {
  return String(row).padStart(DIGITS, '0')
}

/** @throws CommsError `position_invalid` when the row is not one of the log's first `newest`. */
export function rowAt(position: Position, newest: number): number {
  const row = /^\d{12}$/.test(position) ? Number(position) : 0
  if (row >= 1 && row <= newest) return row
  throw new CommsError(
    'position_invalid',
    `Expected a position of this SQLite log, ${positionOf(1)} to ${positionOf(newest)}, got ${JSON.stringify(String(position).slice(0, 60))}`,
  )
}
