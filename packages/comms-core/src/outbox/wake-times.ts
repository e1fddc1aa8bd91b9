import type { Sleep } from '../pause.ts'
import type { Clock } from '../runtime.ts'

/** Wake-ups that fall within the same span come together, so that a hundred thousand of them need few timers. */
const SPAN_MS = 50

/** Calls back what asked to be called at a time. A later call for the same item replaces an earlier one. */
export class WakeTimes<Item> {
  readonly #clock: Clock
  readonly #sleep: Sleep
  readonly #wake: (items: readonly Item[]) => void
  readonly #spans = new Map<number, Set<Item>>()
  readonly #spanOf = new Map<Item, number>()
  readonly #stopped = new AbortController()
  #timer: { readonly span: number; readonly cancel: AbortController } | undefined

  constructor(options: { clock: Clock; sleep: Sleep; wake: (items: readonly Item[]) => void }) {
    this.#clock = options.clock
    this.#sleep = options.sleep
    this.#wake = options.wake
  }

  at(time: number, item: Item): void {
    if (this.#stopped.signal.aborted) return
    this.cancel(item)
    const span = Math.ceil(time / SPAN_MS)
    const items = this.#spans.get(span)
    if (items) items.add(item)
    else this.#spans.set(span, new Set([item]))
    this.#spanOf.set(item, span)
    if (!this.#timer || span < this.#timer.span) this.#setTimer(span)
  }

  cancel(item: Item): void {
    const span = this.#spanOf.get(item)
    if (span === undefined) return
    this.#spanOf.delete(item)
    const items = this.#spans.get(span)
    items?.delete(item)
    if (items?.size === 0) this.#spans.delete(span)
  }

  stop(): void {
    this.#stopped.abort()
    this.#timer?.cancel.abort()
    this.#spans.clear()
    this.#spanOf.clear()
  }

  #setTimer(span: number): void {
    this.#timer?.cancel.abort()
    const cancel = new AbortController()
    this.#timer = { span, cancel }
    void this.#sleep(Math.max(0, span * SPAN_MS - this.#clock.now()), cancel.signal).then(() => {
      if (!cancel.signal.aborted) this.#ring()
    })
  }

  #ring(): void {
    this.#timer = undefined
    const now = this.#clock.now() / SPAN_MS
    const due = [...this.#spans.keys()].filter((span) => span <= now)
    const items = due.flatMap((span) => [...(this.#spans.get(span) ?? [])])
    for (const item of items) this.cancel(item)
    if (this.#spans.size > 0) this.#setTimer(Math.min(...this.#spans.keys()))
    if (items.length > 0) this.#wake(items)
  }
}
