import type { KnownPlace, Position, RecordedEvent, UnreadableEvents } from '@pipe-comms/core'

/**
 * A line of a day file: the event, its place, and, when it was recorded in one request with others, how many lines of that request
 * follow. By `remaining` a request that a crash cut in two is told from a whole one.
 */
export interface StoredLine {
  readonly id: string
  readonly idempotencyKey: string
  readonly streamId: string
  readonly version: number
  readonly recordedAt: string
  readonly remaining?: number
  readonly [field: string]: unknown
}

/** The line, or nothing when the text is no line that this store wrote. */
export function parseLine(text: string): StoredLine | undefined {
  let line: StoredLine | null
  try {
    line = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof line !== 'object' || line === null) return undefined
  const whole =
    typeof line.id === 'string' &&
    typeof line.idempotencyKey === 'string' &&
    typeof line.streamId === 'string' &&
    typeof line.recordedAt === 'string' &&
    Number.isSafeInteger(line.version)
  return whole ? line : undefined
}

/** What follows the event's fields in its line: its place, and the end of the line. */
export function lineEnd(place: { streamId: string; version: number; recordedAt: string; remaining: number }): string {
  const { streamId, version, recordedAt, remaining } = place
  const request = remaining > 0 ? `,"remaining":${remaining}` : ''
  return `,"streamId":${JSON.stringify(streamId)},"version":${version},"recordedAt":"${recordedAt}"${request}}\n`
}

/** The event of a line, as today's schema has it; an `event.unreadable` in its place when the text is damaged. */
export function toRecordedEvent(text: string, position: Position, events: UnreadableEvents): RecordedEvent {
  const line = parseLine(text)
  if (!line) return events.damaged(text, position, damagedPlace(text), 'the line is not one that was written here')
  if (line.remaining === undefined) return events.read(line, position)
  const { remaining: _, ...event } = line
  return events.read(event, position)
}

const END = /,"streamId":("(?:[^"\\]|\\.)*"),"version":(\d{1,15}),"recordedAt":"(\d{4}-[\d:.TZ-]{1,30})"(?:,"remaining":(\d{1,9}))?\}/y
const KEY = /"idempotencyKey":("(?:[^"\\]|\\.)*")/

/** What can still be read of a damaged line. By its key a repeat is known, by its stream and version its place in a conversation. */
export function damagedPlace(text: string): KnownPlace & { readonly remaining?: number } {
  const key = textOf(KEY.exec(text)?.[1])
  END.lastIndex = Math.max(0, text.lastIndexOf(',"streamId":"'))
  const end = END.exec(text)
  const streamId = textOf(end?.[1])
  return {
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(end && streamId !== undefined ? { streamId, version: Number(end[2]), recordedAt: end[3], remaining: Number(end[4] ?? 0) } : {}),
  }
}

function textOf(json: string | undefined): string | undefined {
  try {
    return json === undefined ? undefined : (JSON.parse(json) as string)
  } catch {
    return undefined
  }
}

const OURS = /"(?:idempotencyKey|schemaVersion|streamId|recordedAt)":|"id":\s*"evt_/

/** Whether damaged text was once a line of this log, or a part of one. */
export function isOurs(text: string): boolean {
  return OURS.test(text)
}

/** Whether text is a whole JSON object or array, but none of this log: another program wrote it. */
export function isForeign(text: string): boolean {
  if (isOurs(text)) return false
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null
  } catch {
    return false
  }
}
