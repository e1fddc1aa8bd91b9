import type { Position, RecordedEvent } from '../events/recorded-event.ts'

const MINUTE_MS = 60_000
/** A day: no provider's limit looks further back. */
const MAX_MINUTES = 1_441

/** A place in the log once a minute, to know where an hour ago is. */
export class LogMinutes {
  readonly #minutes: { readonly recordedAt: number; readonly position: Position }[] = []

  mark({ recordedAt, position }: RecordedEvent): void {
    const at = Date.parse(recordedAt)
    const last = this.#minutes.at(-1)
    if (last && at - last.recordedAt < MINUTE_MS) return
    this.#minutes.push({ recordedAt: at, position })
    if (this.#minutes.length > MAX_MINUTES) this.#minutes.shift()
  }

  /** A place before everything that was recorded since; nothing when there is none. */
  before(since: number): Position | undefined {
    return this.#minutes.findLast(({ recordedAt }) => recordedAt <= since)?.position
  }
}
