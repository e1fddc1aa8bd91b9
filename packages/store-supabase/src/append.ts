import type { AppendRequest, AppendResult, NewEvent, RecordedEvent, StoredEvent } from '@pipe-comms/core'
import { toSections } from './append-sections.ts'
import { type EventLines, inUtc, placed, toPlace } from './stored-event.ts'

/** An event that was there. `own`: this very call recorded it, in an earlier try or a few lines before. */
type Repeat = readonly [
  line: number,
  place: string,
  version: number,
  recordedAt: string,
  own: boolean,
  streamId: string,
  event: StoredEvent | null,
]
interface RecordedPart {
  readonly recordedAt: string
  /** The place of the first event that was recorded now; the others stand behind it without a gap. */
  readonly first: string
  /** Of the stream of each event, after it. */
  readonly versions: readonly number[]
  readonly repeats: readonly Repeat[] | null
}
/** What became of one section. */
type Part = { readonly conflict: number } | { readonly version: number } | RecordedPart

/**
 * Records requests in one round trip. A call whose outcome is unknown is made again under the same id, and its answer is that of the
 * first: what it recorded itself does not come back as a repeat.
 */
export async function append(
  open: () => Promise<EventLines>,
  appendId: string,
  requests: readonly AppendRequest[],
): Promise<readonly AppendResult[]> {
  if (requests.length === 0) return []
  const { values, requestsOf } = toSections(requests)
  // Copies: what the caller does to its events meanwhile changes nothing.
  const given = requests.map(({ streamId, events }) => ({ streamId, events: events.map((event) => ({ ...event })) }))
  const lines = await open()
  const parts = await lines.log.calls.call<readonly Part[]>('append_message_events', { ...values, p_append_id: appendId })
  const fresh = new Map<string, RecordedEvent>()
  const results: AppendResult[] = []
  for (const [section, part] of parts.entries()) {
    const inSection = given.slice(results.length, results.length + (requestsOf[section] as number))
    if ('conflict' in part) results.push({ status: 'conflict', actualVersion: part.conflict })
    else if ('version' in part) results.push({ status: 'recorded', events: [], version: part.version })
    else results.push(...recorded(inSection, part, fresh, lines))
  }
  return results
}

/** The answers to the requests of one section. `fresh`: what the sections before it recorded. */
function recorded(
  requests: readonly { readonly streamId: string; readonly events: readonly NewEvent[] }[],
  part: RecordedPart,
  fresh: Map<string, RecordedEvent>,
  lines: EventLines,
): AppendResult[] {
  const recordedAt = inUtc(part.recordedAt)
  const repeats = new Map(part.repeats?.map((repeat) => [repeat[0], repeat]))
  let next = Number(part.first)
  let line = -1
  return requests.map(({ streamId, events }) => {
    const answers = events.map((event) => {
      line += 1
      const first = fresh.get(event.idempotencyKey)
      if (first) return { event: first, repeated: true }
      const repeat = repeats.get(line)
      if (repeat) {
        const [, place, version, at, own, stream, stored] = repeat
        // Where the first recording is no longer in the log, the event stands in for it.
        const there = stored
          ? lines.toEvent([place, stream, version, at, stored], event.idempotencyKey)
          : placed(event, lines.log.position(place), stream, version, inUtc(at))
        if (own) fresh.set(there.idempotencyKey, there)
        return { event: there, repeated: !own }
      }
      const now = placed(event, lines.log.position(toPlace(next)), streamId, part.versions[line] as number, recordedAt)
      next += 1
      fresh.set(now.idempotencyKey, now)
      return { event: now, repeated: false }
    })
    return { status: 'recorded', events: answers, version: part.versions[line] as number }
  })
}
