import type { RecordedEvent } from '../events/recorded-event.ts'

/** The newest events by their keys: `limit` of them at least, at most twice as many. */
export class RecentEvents {
  readonly #limit: number
  /** Two generations: when the younger is full it becomes the older, and nothing is ever deleted one by one. */
  #younger = new Map<string, RecordedEvent>()
  #older = new Map<string, RecordedEvent>()

  constructor(limit: number) {
    this.#limit = limit
  }

  add(event: RecordedEvent): void {
    if (this.#limit === 0) return
    if (this.#younger.size >= this.#limit) {
      this.#older = this.#younger
      this.#younger = new Map()
    }
    this.#younger.set(event.idempotencyKey, ownCopy(event))
  }

  find(idempotencyKey: string): RecordedEvent | undefined {
    const found = this.#younger.get(idempotencyKey) ?? this.#older.get(idempotencyKey)
    return found && ownCopy(found)
  }
}

/** A caller may change the object it was given, and its data; what lies deeper is shared, for a whole copy costs more than the append. */
function ownCopy(event: RecordedEvent): RecordedEvent {
  return { ...event, data: { ...event.data } } as RecordedEvent
}
