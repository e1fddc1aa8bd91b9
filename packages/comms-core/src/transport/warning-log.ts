import type { Clock, Logger } from '../runtime.ts'

const SPAN_MS = 60_000
/** Enough of a kind to see what happens, and little enough for a day of it. */
const MOST_OF_A_KIND = 5
/** Strangers choose what they send: more different warnings in one span are one kind. */
const MAX_KINDS = 50
const OTHERS = 'others'

interface Kind {
  readonly since: number
  readonly message: string
  written: number
  notWritten: number
}

/**
 * Writes the first few warnings of each kind in a minute, and counts those that follow: the next one after that minute, or `flush`, says
 * how many they were. So a provider that repeats a webhook for a day fills no disk.
 */
export class WarningLog {
  readonly #logger: Logger
  readonly #clock: Pick<Clock, 'now'>
  readonly #kinds = new Map<string, Kind>()

  constructor({ logger, clock }: { readonly logger: Logger; readonly clock: Pick<Clock, 'now'> }) {
    this.#logger = logger
    this.#clock = clock
  }

  warn(kind: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    const now = this.#clock.now()
    this.#endOld(now)
    const name = this.#kinds.has(kind) || this.#kinds.size < MAX_KINDS ? kind : OTHERS
    const known = this.#kinds.get(name) ?? { since: now, message, written: 0, notWritten: 0 }
    this.#kinds.set(name, known)
    if (known.written < MOST_OF_A_KIND) {
      known.written += 1
      this.#logger.warn(message, fields)
    } else known.notWritten += 1
  }

  /** Says what was counted and not written. */
  flush(): void {
    for (const kind of this.#kinds.keys()) this.#end(kind)
  }

  #endOld(now: number): void {
    for (const [name, { since }] of this.#kinds) {
      // In the order of their beginning, so the first that is not over ends the search. A clock set back ends them all.
      if (now >= since && now - since < SPAN_MS) return
      this.#end(name)
    }
  }

  #end(name: string): void {
    const ended = this.#kinds.get(name)
    this.#kinds.delete(name)
    if (ended && ended.notWritten > 0) this.#logger.warn(`${ended.message} (${ended.notWritten} more like it in the last minute)`)
  }
}
