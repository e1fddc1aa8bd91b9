import { type AppendRequest, CommsError } from '@pipe-comms/core'
import { toColumn } from './jsonb-text.ts'
import { toStoredJson } from './stored-event.ts'

/** What `append_message_events` takes: each event on a line, and lines in sections that are decided together. */
interface SectionArguments {
  readonly p_events: string
  readonly p_keys: readonly (string | null)[]
  readonly p_streams: readonly string[]
  readonly p_sizes: readonly number[]
  readonly p_expected: readonly (number | null)[]
}

/**
 * Requests in sections: one that expects a version, or has no events, is decided alone; those between go together. An event is a line of
 * JSON text, so that the database takes it as it comes: no array that is parsed, taken apart and copied.
 * @throws CommsError `event_invalid`
 */
export function toSections(requests: readonly AppendRequest[]): {
  readonly values: SectionArguments
  /** How many requests each section has. */
  readonly requestsOf: readonly number[]
} {
  const lines: string[] = []
  const keys: (string | null)[] = []
  const streams: string[] = []
  const sizes: number[] = []
  const expected: (number | null)[] = []
  const requestsOf: number[] = []
  let open = false
  for (const { streamId, events, expectedVersion } of requests) {
    if (typeof streamId !== 'string') throw new CommsError('event_invalid', `Expected the name of a stream as text, got ${typeof streamId}`)
    const together = expectedVersion === undefined && events.length > 0
    if (!(open && together)) {
      sizes.push(0)
      expected.push(expectedVersion ?? null)
      requestsOf.push(0)
    }
    open = together
    const stream = toColumn(streamId)
    for (const event of events) {
      lines.push(toStoredJson(event))
      keys.push(toColumn(event.idempotencyKey))
      streams.push(stream)
    }
    if (events.length === 0) {
      lines.push('')
      keys.push(null)
      streams.push(stream)
    }
    const section = sizes.length - 1
    sizes[section] = (sizes[section] as number) + Math.max(1, events.length)
    requestsOf[section] = (requestsOf[section] as number) + 1
  }
  return { values: { p_events: lines.join('\n'), p_keys: keys, p_streams: streams, p_sizes: sizes, p_expected: expected }, requestsOf }
}
