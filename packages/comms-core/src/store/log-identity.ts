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

/** The log that a position is of; nothing for a position without one. */
export function logIdOf(position: Position | undefined): string | undefined {
  return position === undefined ? undefined : /^([a-z2-7]+)\../.exec(position)?.[1]
}
