import { type AppendRequest, type AppendResult, type Clock, isoInstant, type NewEvent, type RecordedEvent } from '@pipe-comms/core'
import { positionOf } from './position.ts'
import { toRecordedEvent, toRow } from './stored-event.ts'
import type { CheckpointRow, WriteAnswer, WriteRequest } from './write-batch.ts'
import type { WriterThread } from './writer-thread.ts'

/** A transaction is closed at this size, so that a flood of appends does not wait for one huge commit. */
const MAX_BATCH_CHARACTERS = 8_388_608

interface Waiting {
  readonly requests: readonly WriteRequest[]
  /** The caller's events, request by request, for the answer. */
  readonly events: readonly (readonly NewEvent[])[]
  readonly checkpoints: readonly CheckpointRow[]
  readonly characters: number
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

/** Group commit: what waits while a transaction is under way goes together in the next one, and shares its sync. */
export class WriteQueue {
  readonly #thread: WriterThread
  readonly #clock: Clock
  readonly #waiting: Waiting[] = []
  #writing: Promise<void> | undefined

  constructor(thread: WriterThread, clock: Clock) {
    this.#thread = thread
    this.#clock = clock
  }

  async append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    if (requests.length === 0) return []
    let characters = 0
    const rows = requests.map(({ streamId, expectedVersion, events }) => {
      const request: WriteRequest = { streamId, expectedVersion, events: events.map(toRow) }
      for (const { json } of request.events) characters += json.length
      return request
    })
    const copies = requests.map(({ events }) => events.map((event) => ({ ...event })))
    return this.#enqueue({ requests: rows, events: copies, checkpoints: [], characters })
  }

  async saveCheckpoint(checkpoint: CheckpointRow): Promise<void> {
    await this.#enqueue({ requests: [], events: [], checkpoints: [checkpoint], characters: 0 })
  }

  /** Resolves when nothing waits any more. */
  async drained(): Promise<void> {
    await this.#writing
  }

  #enqueue(job: Omit<Waiting, 'resolve' | 'reject'>): Promise<readonly AppendResult[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...job, resolve, reject })
      this.#writing ??= this.#writeWaiting()
    })
  }

  async #writeWaiting(): Promise<void> {
    // What is appended in the same turn of the event loop goes together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch()
      try {
        const recordedAt = isoInstant(this.#clock.now())
        const answers = await this.#thread.write({
          recordedAt,
          requests: batch.flatMap(({ requests }) => requests),
          checkpoints: batch.flatMap(({ checkpoints }) => checkpoints),
        })
        giveAnswers(batch, answers, recordedAt)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    // In the same turn as the check above: an append between the two would wait for ever.
    this.#writing = undefined
  }

  #takeBatch(): Waiting[] {
    let characters = 0
    let count = 0
    for (const waiting of this.#waiting) {
      characters += waiting.characters
      count += 1
      if (characters > MAX_BATCH_CHARACTERS) break
    }
    return this.#waiting.splice(0, count)
  }
}

function giveAnswers(batch: readonly Waiting[], answers: readonly WriteAnswer[], recordedAt: string): void {
  /** By row: an event that is new in this batch may come back once more as a repeat, to another caller. */
  const fresh = new Map<number, RecordedEvent>()
  let next = 0
  for (const { requests, events, resolve } of batch) {
    resolve(
      requests.map(({ streamId }, request): AppendResult => {
        const answer = answers[next++] as WriteAnswer
        if (answer.status === 'conflict') return answer
        const recorded = answer.events.map(({ event: { row, version, json }, repeated }, index) => {
          if (json !== undefined) return { event: toRecordedEvent(json, positionOf(row)), repeated }
          const known = fresh.get(row)
          if (known) return { event: known, repeated }
          const given = events[request]?.[index] as NewEvent
          const event: RecordedEvent = { ...given, streamId, version, recordedAt, position: positionOf(row) }
          fresh.set(row, event)
          return { event, repeated }
        })
        return { status: 'recorded', events: recorded, version: answer.version }
      }),
    )
  }
}
