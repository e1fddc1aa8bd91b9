import { type MessageEvent, type Position, type RecordedEvent, upcastEvent } from '@pipe-comms/core'

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

/** The event of a line, as today's schema has it. */
export function toRecordedEvent(line: StoredLine, position: Position): RecordedEvent {
  if (line.remaining !== undefined) {
    const { remaining: _, ...event } = line
    return toRecordedEvent(event, position)
  }
  const event = upcastEvent<MessageEvent & RecordedEvent>(line) as RecordedEvent & { position: Position }
  event.position = position
  return event
}
