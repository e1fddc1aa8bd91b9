import {
  type AppendRequest,
  type AppendResult,
  type Clock,
  CommsError,
  isoInstant,
  type RecordedEvent,
  type UnplacedEvent,
  unplacedCopy,
} from '@pipe-comms/core'
import { toColumn } from './column-text.ts'
import type { EventRows } from './event-rows.ts'
import { toRow } from './stored-event.ts'
import { type Field, packEvent, packPart, packRequest, unpackAnswers, type WriteAnswer } from './write-parcel.ts'
import type { CheckpointRow, Failure } from './writer-protocol.ts'
import type { WriterEvents, WriterThread } from './writer-thread.ts'

/**
 * A parcel goes off at this many events: the writer inserts them while the next ones are encoded here. The first one of a turn is small, for
 * the writer waits for it; each of the next is twice as large, for every hand-over costs.
 */
const FIRST_PARCEL_EVENTS = 8
const MAX_PARCEL_EVENTS = 64

interface Job {
  /** Copies of the caller's events, request by request; they become the recorded events of the answer when they get their places. */
  readonly copies: (readonly UnplacedEvent[])[]
  readonly results: AppendResult[]
  readonly recordedAt: string
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

/** Hands appends to the writer thread and its answers back to their callers. The thread groups what waits into one transaction. */
export class WriteQueue {
  readonly #thread: WriterThread
  readonly #clock: Pick<Clock, 'now'>
  readonly #rows: EventRows
  readonly #jobs = new Map<number, Job>()
  #lastJob = 0
  #parcel: Field[] = []
  #parcelEvents = 0
  #parcelLimit = FIRST_PARCEL_EVENTS
  #recordedAt = ''
  #drained: (() => void)[] = []

  constructor(thread: WriterThread, clock: Pick<Clock, 'now'>, rows: EventRows) {
    this.#thread = thread
    this.#rows = rows
    this.#clock = clock
    thread.listen({ onReply: (message) => this.#onReply(message), onGone: (failure) => this.#refuse([...this.#jobs.keys()], failure) })
  }

  async append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    if (requests.length === 0) return []
    return new Promise((resolve, reject) => {
      const job = ++this.#lastJob
      const recordedAt = isoInstant(this.#clock.now())
      if (recordedAt !== this.#recordedAt) this.#send()
      this.#recordedAt = recordedAt
      this.#enter(job, { copies: [], results: [], recordedAt, resolve, reject })
      try {
        this.#pack(job, requests)
      } catch (error) {
        this.#leave(job)?.reject(error)
      }
    })
  }

  async saveCheckpoint(checkpoint: CheckpointRow): Promise<void> {
    await new Promise((resolve, reject) => {
      const job = ++this.#lastJob
      const savedAt = isoInstant(this.#clock.now())
      this.#enter(job, { copies: [], results: [], recordedAt: savedAt, resolve, reject })
      this.#thread.post({ job, checkpoint, savedAt })
    })
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    if (this.#jobs.size > 0) await new Promise<void>((resolve) => this.#drained.push(resolve))
  }

  /** Encodes an append, all text taken now; what makes a whole parcel on the way is sent at once. */
  #pack(job: number, requests: readonly AppendRequest[]): void {
    const { copies } = this.#jobs.get(job) as Job
    let sent = false
    let packed: Field[] = []
    let events = 0
    let first = 0
    try {
      for (const [index, request] of requests.entries()) {
        if (typeof request.streamId !== 'string') {
          throw new CommsError('event_invalid', `Expected the name of a stream as text, got ${typeof request.streamId}`)
        }
        packRequest(toColumn(request.streamId), request.expectedVersion, request.events.length, packed)
        for (const event of request.events) packEvent(toRow(event), packed)
        copies.push(request.events.map((event) => unplacedCopy(event, request.streamId)))
        events += request.events.length
        const last = index === requests.length - 1
        if (!last && this.#parcelEvents + events < this.#parcelLimit) continue
        packPart({ job, last, requests: index + 1 - first }, this.#parcel)
        for (const field of packed) this.#parcel.push(field)
        this.#sendSoon(events)
        if (!last) this.#send()
        sent = true
        first = index + 1
        packed = []
        events = 0
      }
    } catch (error) {
      if (sent) this.#thread.post({ drop: job })
      throw error
    }
  }

  /** What is appended in the same turn of the event loop goes together. */
  #sendSoon(events: number): void {
    if (this.#parcelEvents === 0) {
      queueMicrotask(() => {
        this.#send()
        this.#parcelLimit = FIRST_PARCEL_EVENTS
      })
    }
    this.#parcelEvents += events
    if (this.#parcelEvents >= this.#parcelLimit) this.#send()
  }

  #send(): void {
    if (this.#parcel.length === 0) return
    this.#thread.post({ parcel: this.#parcel, recordedAt: this.#recordedAt })
    this.#parcel = []
    this.#parcelEvents = 0
    this.#parcelLimit = Math.min(MAX_PARCEL_EVENTS, 2 * this.#parcelLimit)
  }

  #enter(job: number, entry: Job): void {
    this.#jobs.set(job, entry)
    this.#thread.hold(true)
  }

  #leave(job: number): Job | undefined {
    const entry = this.#jobs.get(job)
    this.#jobs.delete(job)
    if (this.#jobs.size === 0) {
      this.#thread.hold(false)
      for (const resolve of this.#drained.splice(0)) resolve()
    }
    return entry
  }

  #onReply(message: Parameters<WriterEvents['onReply']>[0]): void {
    if ('failed' in message) {
      this.#refuse(message.failed, message.failure)
      return
    }
    for (const { job, answers } of unpackAnswers(message.places)) {
      const entry = this.#jobs.get(job)
      if (entry) placeAnswers(entry, answers, this.#rows)
    }
    for (const job of message.durable) {
      const entry = this.#leave(job)
      entry?.resolve(entry.results)
    }
  }

  #refuse(jobs: readonly number[], { code, message }: Failure): void {
    for (const job of jobs) this.#leave(job)?.reject(new CommsError(code, message))
  }
}

/** The answers to the next requests of a job. */
function placeAnswers({ copies, results, recordedAt }: Job, answers: readonly WriteAnswer[], rows: EventRows): void {
  // One may come back once more as a repeat.
  const fresh = new Map<number, RecordedEvent>()
  for (const answer of answers) {
    const events = copies[results.length] as readonly UnplacedEvent[]
    if (answer.status === 'conflict') {
      results.push(answer)
      continue
    }
    const recorded = answer.events.map(({ event: { row, version, json }, repeated }, index) => {
      if (json !== undefined) return { event: rows.toEvent(json, rows.positions.at(row)), repeated }
      if (repeated) return { event: fresh.get(row) as RecordedEvent, repeated }
      const event = events[index] as UnplacedEvent
      event.version = version
      event.recordedAt = recordedAt
      event.position = rows.positions.at(row)
      fresh.set(row, event)
      return { event, repeated }
    })
    results.push({ status: 'recorded', events: recorded, version: answer.version })
  }
}
