import type { AppendRequest } from './event-store.ts'

/** What an event has besides `data` and `source`, about. */
const ENVELOPE_BYTES = 800

/** About how much memory the events of these requests take, from the lengths of their texts. Much cheaper than writing them as JSON. */
export function roughBytesOf(requests: readonly AppendRequest[]): number {
  let bytes = 0
  for (const { events } of requests) for (const { data, source } of events) bytes += ENVELOPE_BYTES + roughBytes(data) + roughBytes(source)
  return bytes
}

function roughBytes(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 8
  let bytes = 16
  if (Array.isArray(value)) for (const item of value) bytes += roughBytes(item)
  else for (const name in value) bytes += 16 + roughBytes((value as Record<string, unknown>)[name])
  return bytes
}
