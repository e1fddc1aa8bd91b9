import { CommsError } from '../errors.ts'
import type { AppendRequest, AppendResult } from './event-store.ts'
import { roughBytesOf } from './rough-bytes.ts'

/** One call of `append` that waits for its answer. */
export interface PendingAppend {
  readonly requests: readonly AppendRequest[]
  /** Events. */
  readonly size: number
  readonly bytes: number
  /** For `TimeBudget.isOver`. */
  readonly begun: number
  isAnswered: boolean
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

/** Below this many events that wait, their bytes are not looked at: even of the largest webhooks they take little. */
const FEW_EVENTS = 32
const RETRY_AFTER_MS = 1000

/** The appends that wait for the store, in the order of their calls, within limits. Each is answered once. */
export class PendingAppends {
  readonly #maxEvents: number
  readonly #maxBytes: number
  #waiting: PendingAppend[] = []
  #events = 0
  #bytes = 0

  constructor(limits: { readonly maxEvents: number; readonly maxBytes: number }) {
    this.#maxEvents = limits.maxEvents
    this.#maxBytes = limits.maxBytes
  }

  /** Events of appends that are not answered: they wait or are being written. */
  get events(): number {
    return this.#events
  }

  /** Appends that are in no write yet. */
  get waiting(): readonly PendingAppend[] {
    return this.#waiting
  }

  /** @throws CommsError `store_overloaded` */
  add({ requests, begun, resolve, reject }: Pick<PendingAppend, 'requests' | 'begun' | 'resolve' | 'reject'>): void {
    let size = 0
    for (const { events } of requests) size += events.length
    // A call larger than the limit passes when nothing waits: it could never pass otherwise.
    if (this.#events > 0 && this.#events + size > this.#maxEvents) {
      throw overloaded(`${this.#events} events wait for the store, the limit is ${this.#maxEvents}`)
    }
    const bytes = this.#events < FEW_EVENTS ? 0 : roughBytesOf(requests)
    if (bytes > 0 && this.#bytes + bytes > this.#maxBytes) {
      throw overloaded(`About ${this.#bytes} bytes wait for the store, the limit is ${this.#maxBytes}`)
    }
    this.#waiting.push({ requests, size, bytes, begun, isAnswered: false, resolve, reject })
    this.#events += size
    this.#bytes += bytes
  }

  /** The first so many that wait, for a write. */
  take(count: number): readonly PendingAppend[] {
    const batch = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    return batch
  }

  /** Gives each append of a write its part of the results. */
  resolve(batch: readonly PendingAppend[], results: readonly AppendResult[]): void {
    let next = 0
    for (const append of batch) {
      const { length } = append.requests
      this.#answered(append)
      append.resolve(length === 1 ? [results[next] as AppendResult] : results.slice(next, next + length))
      next += length
    }
  }

  /** Refuses those that are not answered yet. */
  reject(batch: readonly PendingAppend[], error: unknown): void {
    for (const append of batch) {
      if (append.isAnswered) continue
      this.#answered(append)
      append.reject(error)
    }
  }

  #answered(append: PendingAppend): void {
    append.isAnswered = true
    this.#events -= append.size
    this.#bytes -= append.bytes
  }
}

function overloaded(message: string): CommsError {
  return new CommsError('store_overloaded', message, { retryAfterMs: RETRY_AFTER_MS })
}
