import {
  type AppendRequest,
  type AppendResult,
  CommsError,
  type NewEvent,
  type RecordedEvent,
  type Recording,
  type StoredEvent,
  upcastEvent,
} from '@pipe-comms/core'
import type { RepeatingCalls } from './database-calls.ts'
import { toColumn } from './jsonb-text.ts'
import { placed, toStoredJson } from './stored-event.ts'

/** Where an event stands. `recordedAt` and what follows: it was there; `own`: an earlier try of this very call recorded it. */
type Place = readonly [
  position: string,
  version: number,
  versionBefore: number,
  recordedAt?: string,
  own?: boolean,
  streamId?: string,
  event?: StoredEvent | null,
]
/** A part is about one request, or, with events, about as many as these are of. */
type Part =
  | { readonly conflict: number }
  | { readonly version: number }
  | { readonly recordedAt: string; readonly events: readonly Place[] }

/**
 * Records requests in one round trip. A call whose outcome is unknown is made again under the same id, and its answer is that of the
 * first: what it recorded itself does not come back as a repeat.
 */
export async function append(
  calls: RepeatingCalls,
  appendId: string,
  requests: readonly AppendRequest[],
): Promise<readonly AppendResult[]> {
  if (requests.length === 0) return []
  const texts = requests.map(toText)
  // Copies: what the caller does to its events meanwhile changes nothing.
  const given = requests.map(({ streamId, events }) => ({ streamId, events: events.map((event) => ({ ...event })) }))
  const parts = await calls.call<readonly Part[]>('append_message_events', {
    p_requests: `[${texts.join(',')}]`,
    p_append_id: appendId,
  })
  const rest = given.values()
  const fresh = new Map<string, RecordedEvent>()
  const versions = new Map<string, number>()
  const results: AppendResult[] = []
  for (const part of parts) {
    if ('events' in part) {
      for (let next = 0; next < part.events.length; ) {
        const { streamId, events } = rest.next().value as (typeof given)[number]
        const places = part.events.slice(next, next + events.length)
        next += events.length
        results.push(recorded({ streamId, events, recordedAt: part.recordedAt }, places, fresh, versions))
      }
      continue
    }
    const { streamId } = rest.next().value as (typeof given)[number]
    if ('conflict' in part) results.push({ status: 'conflict', actualVersion: part.conflict })
    else results.push({ status: 'recorded', events: [], version: Math.max(part.version, versions.get(streamId) ?? 0) })
  }
  return results
}

/** The answer to one request. `fresh` and `versions`: what those before it in the call recorded. */
function recorded(
  { streamId, events: given, recordedAt }: { streamId: string; events: readonly NewEvent[]; recordedAt: string },
  places: readonly Place[],
  fresh: Map<string, RecordedEvent>,
  versions: Map<string, number>,
): AppendResult {
  let version = Math.max(places[0]?.[2] ?? 0, versions.get(streamId) ?? 0)
  const events = places.map((place, turn) => {
    const event = given[turn] as NewEvent
    const first = fresh.get(event.idempotencyKey)
    if (first) return { event: first, repeated: true }
    const [position, placeVersion, , at = recordedAt, own = true, stream = streamId, stored] = place
    const recording: Recording = { position, streamId: stream, version: placeVersion, recordedAt: at }
    // Where the first recording is no longer in the log, the event stands in for it.
    if (!own) return { event: placed(stored ? upcastEvent(stored) : event, recording), repeated: true }
    fresh.set(event.idempotencyKey, placed(event, recording))
    version = Math.max(version, placeVersion)
    return { event: event as RecordedEvent, repeated: false }
  })
  versions.set(streamId, version)
  return { status: 'recorded', events, version }
}

/** A request as JSON text: half of an append's work here, so each event is written once and never walked again. */
function toText({ streamId, events, expectedVersion }: AppendRequest): string {
  if (typeof streamId !== 'string') throw new CommsError('event_invalid', `Expected the name of a stream as text, got ${typeof streamId}`)
  const expected = expectedVersion === undefined ? '' : `"expectedVersion":${Number(expectedVersion)},`
  return `{"streamId":${JSON.stringify(toColumn(streamId))},${expected}"events":[${events.map(toStoredJson).join(',')}]}`
}
