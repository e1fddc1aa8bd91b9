import type { Position, RecordedEvent } from '@pipe-comms/core'

/**
 * A line of a day file: the event, its place, and, when it was recorded in one request with others, how many lines of that request
 * follow. By `remaining` a request that a crash cut in two is told from a whole one.
 */
export type StoredLine = Omit<RecordedEvent, 'position'> & { readonly remaining?: number }

/** The line, without position, or nothing when the bytes are no line that this store wrote. */
export function parseLine(bytes: Buffer): StoredLine | undefined {
  let line: unknown
  try {
    line = JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
  if (typeof line !== 'object' || line === null) return undefined
  const { id, idempotencyKey, streamId, version, recordedAt } = line as Record<string, unknown>
  const whole = [id, idempotencyKey, streamId, recordedAt].every((field) => typeof field === 'string') && Number.isSafeInteger(version)
  return whole ? (line as StoredLine) : undefined
}

/** `json` is the event as JSON text; the place is written into it without parsing it again. */
export function writeLine(json: string, place: { streamId: string; version: number; recordedAt: string; remaining: number }): string {
  const { streamId, version, recordedAt, remaining } = place
  const tail = remaining > 0 ? `,"remaining":${remaining}` : ''
  return `${json.slice(0, -1)},"streamId":${JSON.stringify(streamId)},"version":${version},"recordedAt":"${recordedAt}"${tail}}\n`
}

export function toRecordedEvent(line: StoredLine, position: Position): RecordedEvent {
  if (line.remaining === undefined) return Object.assign(line, { position }) as RecordedEvent
  const { remaining: _, ...event } = line
  return { ...event, position } as RecordedEvent
}
