import { CommsError } from '../errors.ts'
import type { NewEvent } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'

/** As much of an {@link AppendRequest} as the rules look at, so that a store may decide about its own rows. */
export interface DecidableRequest<Event extends { readonly idempotencyKey: string }> {
  readonly streamId: string
  readonly events: readonly Event[]
  readonly expectedVersion?: number | undefined
}

/** What became of one event: recorded now, or there before under its key. */
export interface DecidedEvent<Recorded> {
  readonly event: Recorded
  readonly repeated: boolean
}

/** An {@link AppendResult} about a store's own rows. */
export type Decided<Recorded> =
  | { readonly status: 'recorded'; readonly events: readonly DecidedEvent<Recorded>[]; readonly version: number }
  | { readonly status: 'conflict'; readonly actualVersion: number }

/** What a store with a single writer knows of its log and how it records one event. All answer at once. */
export interface AppendDecision<Event, Recorded> {
  /** The version of a stream before this call of `decideAppends`; 0 for an unknown one. */
  versionOf(streamId: string): number
  /** The event already recorded under this key before this call, if any. */
  recordedUnder(idempotencyKey: string): Recorded | undefined
  /** Records one event. `remaining`: how many events of the same request are still to come, for stores that must keep a request whole. */
  record(event: Event, place: { streamId: string; version: number; remaining: number }): DecidedEvent<Recorded>
  /**
   * `record` finds out by itself that a key is there, and gives what is: then keys are looked up before only where a version is expected,
   * and `remaining` counts repeats as well. @default false
   */
  readonly recordFindsRepeats?: boolean
}

/**
 * Decides a batch of append requests by the rules of {@link EventStore.append}, for stores that write alone: which events are new,
 * which are repeats, which requests conflict. Requests are decided in their order, each in the light of those before it.
 */
export function decideAppends<Event extends { readonly idempotencyKey: string } = NewEvent, Recorded = RecordedEvent>(
  requests: readonly DecidableRequest<Event>[],
  log: AppendDecision<Event, Recorded>,
): Decided<Recorded>[] {
  const versions = new Map<string, number>()
  const fresh = new Map<string, Recorded>()
  const known = ({ idempotencyKey }: Event) => fresh.get(idempotencyKey) ?? log.recordedUnder(idempotencyKey)
  return requests.map(({ streamId, events, expectedVersion }) => {
    let version = versions.get(streamId) ?? log.versionOf(streamId)
    const isLookedUp = expectedVersion !== undefined || !log.recordFindsRepeats
    const earlier = isLookedUp ? events.map(known) : []
    if (expectedVersion !== undefined && expectedVersion !== version) {
      const repeatsOnly = events.length > 0 && earlier.every((event) => event !== undefined)
      if (!repeatsOnly) return { status: 'conflict', actualVersion: version }
    }

    let remaining = isLookedUp ? newKeys(events, earlier) : events.length
    const answers = events.map((event, index): DecidedEvent<Recorded> => {
      const there = earlier[index] ?? fresh.get(event.idempotencyKey)
      if (there) return { event: there, repeated: true }
      remaining -= 1
      const answer = log.record(event, { streamId, version: version + 1, remaining })
      if (!answer.repeated) {
        version += 1
        fresh.set(event.idempotencyKey, answer.event)
      }
      return answer
    })
    versions.set(streamId, version)
    return { status: 'recorded', events: answers, version }
  })
}

function newKeys(events: readonly { readonly idempotencyKey: string }[], earlier: readonly unknown[]): number {
  if (events.length === 1) return earlier[0] ? 0 : 1
  return new Set(events.filter((_, index) => !earlier[index]).map(({ idempotencyKey }) => idempotencyKey)).size
}

/**
 * The event as JSON text, the form in which every store keeps it.
 * @throws CommsError `event_invalid` for what JSON cannot hold (BigInt, a cycle).
 */
export function eventToJson(event: object): string {
  try {
    return JSON.stringify(event)
  } catch (cause) {
    throw new CommsError('event_invalid', 'The event cannot be written as JSON', { cause })
  }
}
