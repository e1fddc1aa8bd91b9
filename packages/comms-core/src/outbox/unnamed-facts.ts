import type { Position, RecordedEvent } from '../events/recorded-event.ts'

/** Callbacks come seconds before our own `message.sent`, not hours: of more names than this the oldest are dropped. */
const MAX_NAMES = 10_000

/** Facts under a provider's name that belongs to no message of ours yet. Remembers how far facts were dropped, so that a loss is noticed. */
export class UnnamedFacts {
  readonly #facts = new Map<string, RecordedEvent[]>()
  #droppedUpTo: Position | undefined

  keep(name: string, event: RecordedEvent): void {
    const known = this.#facts.get(name)
    if (known) known.push(event)
    else this.#facts.set(name, [event])
    if (this.#facts.size <= MAX_NAMES) return
    const [[oldest, dropped]] = this.#facts as unknown as [[string, RecordedEvent[]]]
    this.#facts.delete(oldest)
    for (const { position } of dropped) if (position > (this.#droppedUpTo ?? '')) this.#droppedUpTo = position
  }

  /** Hands out the facts under this name and keeps them no longer. */
  take(name: string): readonly RecordedEvent[] {
    const facts = this.#facts.get(name) ?? []
    this.#facts.delete(name)
    return facts
  }

  /** Whether facts that were recorded behind this position may have been dropped. */
  hasDroppedAfter(position: Position | undefined): boolean {
    return this.#droppedUpTo !== undefined && (position === undefined || this.#droppedUpTo > position)
  }
}
