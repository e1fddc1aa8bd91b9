import { uuidv7 } from 'uuidv7'

/** The time, injected so that tests can hold it still. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z. Jumps when the machine's clock is set. */
  now(): number
  /** Milliseconds since any moment in the life of this process. Never jumps and never goes back: spans are measured by it. */
  monotonic(): number
}

/** New names for events and messages. Must never give the same one twice, and later ones must sort after earlier ones. */
export interface IdSource {
  next(): string
}

/** Where the library tells what it does. Fields never hold a secret or a message body. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }

/** UUIDv7 (RFC 9562): sorts by time of making, monotonic within one process. */
export const uuidSource: IdSource = { next: () => uuidv7() }

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** An ISO 8601 instant in UTC with milliseconds, the only spelling of time in events. */
export function isoInstant(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
