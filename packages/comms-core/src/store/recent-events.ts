import type { NewEvent } from '../events/message-event.ts'
import { type RecordedEvent, type UnplacedEvent, unplacedCopy } from '../events/recorded-event.ts'
import type { AppendRequest, AppendResult } from './event-store.ts'

/** The newest events by their keys: `limit` of them at least, at most twice as many. */
export class RecentEvents {
  readonly #limit: number
  /** Two generations: when the younger is full it becomes the older, and nothing is ever deleted one by one. */
  #younger = new Map<string, RecordedEvent>()
  #older = new Map<string, RecordedEvent>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Copies of what is about to be recorded, request by request, for {@link add}. */
  copy(requests: readonly AppendRequest[]): readonly (readonly UnplacedEvent[])[] {
    if (this.#limit === 0) return []
    return requests.map(({ streamId, events }) =>
      events.map((event) => unplacedCopy({ ...event, data: { ...event.data } } as NewEvent, streamId)),
    )
  }

  /** Remembers what was recorded: its copies, and what was there before as it was answered. */
  add(copies: readonly (readonly UnplacedEvent[])[], results: readonly AppendResult[]): void {
    for (const [request, events] of copies.entries()) {
      const result = results[request]
      if (result?.status !== 'recorded') continue
      for (const [index, { event, repeated }] of result.events.entries()) {
        this.#remember(repeated ? ownCopy(event) : placed(events[index] as UnplacedEvent, event))
      }
    }
  }

  find(idempotencyKey: string): RecordedEvent | undefined {
    const found = this.#younger.get(idempotencyKey) ?? this.#older.get(idempotencyKey)
    return found && ownCopy(found)
  }

  #remember(event: RecordedEvent): void {
    if (this.#younger.size >= this.#limit) {
      this.#older = this.#younger
      this.#younger = new Map()
    }
    this.#younger.set(event.idempotencyKey, event)
  }
}

function placed(copy: UnplacedEvent, { version, recordedAt, position }: RecordedEvent): RecordedEvent {
  copy.version = version
  copy.recordedAt = recordedAt
  copy.position = position
  return copy
}

/** A caller may change the object it was given, and its data; what lies deeper is shared, for a whole copy costs more than the append. */
function ownCopy(event: RecordedEvent): RecordedEvent {
  return { ...event, data: { ...event.data } } as RecordedEvent
}
