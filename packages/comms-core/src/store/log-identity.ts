import { CommsError } from '../errors.ts'
import type { Position } from '../events/recorded-event.ts'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/**
 * A name for a new log: 8 characters of a to z and 2 to 7, 40 random bits. A store makes it once, keeps it with the log, and puts it into every
 * position, so that a checkpoint taken in one log is never mistaken for a place in another.
 */
export function newLogId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => ALPHABET[byte % 32]).join('')
}

/** The position of a place in a log. `place` is the store's own spelling and must sort as a string. */
export function positionIn(logId: string, place: string): Position {
  return `${logId}.${place}`
}

/** The place behind a position of this log; nothing for a position of another log, which the store refuses with `position_invalid`. */
export function placeIn(logId: string, position: Position): string | undefined {
  return position.startsWith(`${logId}.`) ? position.slice(logId.length + 1) : undefined
}

/** Whether a text can be the name of a log, as {@link newLogId} makes it. */
export function isLogId(text: unknown): text is string {
  return typeof text === 'string' && /^[a-z2-7]{8}$/.test(text)
}

/**
 * The `position_invalid` for a position that this log never gave out; it names both logs. `log` says which one it is, such as
 * `the JSON log in ./logs`, and `newest` is its last position, if it has one.
 */
export function notOfThisLog(log: string, logId: string, position: Position, newest?: Position): CommsError {
  const got = JSON.stringify(String(position).slice(0, 60))
  const other = /^([a-z2-7]{8})\./.exec(String(position))?.[1]
  const upTo = newest === undefined ? '' : `, up to ${newest}`
  const why =
    other === undefined
      ? 'it names no log'
      : other === logId
        ? 'it is not in this log, as after a restore of an older copy'
        : `it is of the log ${other}`
  return new CommsError('position_invalid', `Expected a position of ${log}, which is ${logId}${upTo}; got ${got}: ${why}`)
}

/** The log that a position is of; nothing for a position without one. */
export function logIdOf(position: Position | undefined): string | undefined {
  return position === undefined ? undefined : /^([a-z2-7]+)\../.exec(position)?.[1]
}
