import { notOfThisLog, type Position, placeIn, positionIn } from '@pipe-comms/core'

/** More events than the largest file SQLite can hold (281 TB, https://www.sqlite.org/limits.html), so the strings sort as the numbers. */
const DIGITS = 12

/** Positions of one log: its name, and the row number in `message_events`. */
export class Positions {
  readonly #logId: string
  /** {@link at} in SQL. Numbers that become text in JavaScript stay in a cache there, which a long read would swell. */
  readonly sql: string

  constructor(logId: string) {
    this.#logId = logId
    this.sql = `printf('${logId}.%0${DIGITS}d', event_position)`
  }

  /** The position of a row. */
  at(row: number): Position {
    return positionIn(this.#logId, String(row).padStart(DIGITS, '0'))
  }

  /** The row of a position. */
  rowOf(position: Position): number {
    return Number(placeIn(this.#logId, position))
  }

  /** @throws CommsError `position_invalid` when the row is not one of the log's first `newest`. */
  check(position: Position, newest: number): number {
    const place = placeIn(this.#logId, String(position)) ?? ''
    const row = /^\d{12}$/.test(place) ? Number(place) : 0
    if (row >= 1 && row <= newest) return row
    throw notOfThisLog('this SQLite log', this.#logId, position, this.at(newest))
  }
}
