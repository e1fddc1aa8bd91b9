import { NO_LONGER_NEEDED, type Sleep } from '../pause.ts'

/** Wake-ups that fall within the same span come together, so that a hundred thousand of them need few timers. */
const SPAN_MS = 50
/** A timer cannot wait longer than 24 days, and one that waits long does not see that the clock was set. */
const LONGEST_SLEEP_MS = 600_000

/** Calls back what asked to be called at a time of one clock. A later call for the same item replaces an earlier one. */
export class WakeTimes<Item> {
  readonly #now: () => number
  readonly #sleep: Sleep
  readonly #wake: (items: readonly Item[]) => void
  readonly #spans = new Map<number, Set<Item>>()
  readonly #spanOf = new Map<Item, number>()
  /** The keys of `#spans`, as a heap: the earliest first. Those that were emptied meanwhile are still in it. */
  readonly #order: number[] = []
  readonly #stopped = new AbortController()
  #timer: { readonly span: number; readonly cancel: AbortController } | undefined

  constructor(options: { now: () => number; sleep: Sleep; wake: (items: readonly Item[]) => void }) {
    this.#now = options.now
    this.#sleep = options.sleep
    this.#wake = options.wake
  }

  at(time: number, item: Item): void {
    if (this.#stopped.signal.aborted) return
    const span = Math.ceil(time / SPAN_MS)
    if (this.#spanOf.get(item) === span) return
    this.cancel(item)
    const items = this.#spans.get(span)
    if (items) items.add(item)
    else {
      this.#spans.set(span, new Set([item]))
      push(this.#order, span)
    }
    this.#spanOf.set(item, span)
    if (!this.#timer || span < this.#timer.span) this.#setTimer(span)
  }

  cancel(item: Item): void {
    const span = this.#spanOf.get(item)
    if (span === undefined) return
    this.#spanOf.delete(item)
    this.#spans.get(span)?.delete(item)
  }

  stop(): void {
    this.#stopped.abort()
    this.#timer?.cancel.abort()
    this.#spans.clear()
    this.#spanOf.clear()
    this.#order.length = 0
  }

  #setTimer(span: number): void {
    this.#timer?.cancel.abort(NO_LONGER_NEEDED)
    const cancel = new AbortController()
    this.#timer = { span, cancel }
    const wait = Math.min(LONGEST_SLEEP_MS, Math.max(0, span * SPAN_MS - this.#now()))
    void this.#sleep(wait, cancel.signal).then(() => {
      if (!cancel.signal.aborted) this.#ring()
    })
  }

  #ring(): void {
    this.#timer = undefined
    const now = this.#now() / SPAN_MS
    const due: Item[] = []
    for (let [span] = this.#order; span !== undefined && (span <= now || this.#isEmpty(span)); [span] = this.#order) {
      for (const item of this.#spans.get(span) ?? []) {
        this.#spanOf.delete(item)
        due.push(item)
      }
      this.#spans.delete(span)
      pop(this.#order)
    }
    const [next] = this.#order
    if (next !== undefined) this.#setTimer(next)
    if (due.length > 0) this.#wake(due)
  }

  #isEmpty(span: number): boolean {
    return (this.#spans.get(span)?.size ?? 0) === 0
  }
}

/** A binary heap: each number is no larger than the two at twice its place. */
function push(heap: number[], value: number): void {
  let place = heap.length
  for (let above = (place - 1) >> 1; place > 0 && (heap[above] as number) > value; above = (place - 1) >> 1) {
    heap[place] = heap[above] as number
    place = above
  }
  heap[place] = value
}

function pop(heap: number[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let place = 0
  for (let below = 1; below < heap.length; below = 2 * place + 1) {
    if (below + 1 < heap.length && (heap[below + 1] as number) < (heap[below] as number)) below += 1
    if ((heap[below] as number) >= last) break
    heap[place] = heap[below] as number
    place = below
  }
  heap[place] = last
}
