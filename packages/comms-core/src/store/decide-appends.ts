import { CommsError } from '../errors.ts'
import type { NewEvent } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import type { AppendRequest, AppendResult } from './event-store.ts'

/** What a store with a single writer knows of its log and how it records one event. All three answer at once. */
export interface AppendDecision {
  /** The version of a stream before this call of `decideAppends`; 0 for an unknown one. */
  versionOf(streamId: string): number
  /** The event already recorded under this key before this call, if any. */
  recordedUnder(idempotencyKey: string): RecordedEvent | undefined
  /** Records one event. `remaining`: how many events of the same request are still to come, for stores that must keep a request whole. */
  record(event: NewEvent, place: { streamId: string; version: number; remaining: number }): RecordedEvent
}

/**
 * Decides a batch of append requests by the rules of {@link EventStore.append}, for stores that write alone: which events are new,
 * which are repeats, which requests conflict. Requests are decided in their order, each in the light of those before it.
 */
export function decideAppends(requests: readonly AppendRequest[], log: AppendDecision): AppendResult[] {
  const versions = new Map<string, number>()
  const fresh = new Map<string, RecordedEvent>()
  return requests.map((request) => {
    const { streamId, events, expectedVersion } = request
    let version = versions.get(streamId) ?? log.versionOf(streamId)
    const earlier = events.map((event) => fresh.get(event.idempotencyKey) ?? log.recordedUnder(event.idempotencyKey))
    const repeatsOnly = events.length > 0 && earlier.every((event) => event !== undefined)
    if (!repeatsOnly && expectedVersion !== undefined && expectedVersion !== version) return { status: 'conflict', actualVersion: version }

    let remaining = events.length === 1 ? (repeatsOnly ? 0 : 1) : newKeys(events, earlier)
    const answers = events.map((event, index) => {
      const known = earlier[index] ?? fresh.get(event.idempotencyKey)
      if (known) return { event: known, repeated: true }
      version += 1
      remaining -= 1
      const recorded = log.record(event, { streamId, version, remaining })
      fresh.set(event.idempotencyKey, recorded)
      return { event: recorded, repeated: false }
    })
    versions.set(streamId, version)
    return { status: 'recorded', events: answers, version }
  })
}

function newKeys(events: readonly NewEvent[], earlier: readonly (RecordedEvent | undefined)[]): number {
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
