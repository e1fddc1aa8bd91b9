import { type AppendRequest, type AppendResult, eventToJson, type NewEvent } from '@pipe-comms/core'

/** An event on its way into the log. */
export interface Line {
  readonly idempotencyKey: string
  /** The text that is written, taken when `append` was called: what the caller does to its objects later changes nothing. */
  readonly json: string
  /** A copy that becomes the recorded event. */
  readonly event: NewEvent
}

export interface LineRequest {
  readonly streamId: string
  readonly expectedVersion?: number | undefined
  readonly events: readonly Line[]
}

interface Waiting {
  readonly requests: readonly LineRequest[]
  readonly characters: number
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

/** A write is closed at this size, so that a flood of appends does not wait for one huge write. */
const MAX_WRITE_CHARACTERS = 8_388_608

/** Appends that wait while a write is under way go together in the next one; each hears only of its own requests. */
export class GroupCommit {
  readonly #write: (requests: readonly LineRequest[]) => Promise<readonly AppendResult[]>
  readonly #waiting: Waiting[] = []
  #writing: Promise<void> | undefined

  constructor(write: (requests: readonly LineRequest[]) => Promise<readonly AppendResult[]>) {
    this.#write = write
  }

  async append(appended: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    let characters = 0
    const requests = appended.map(({ streamId, expectedVersion, events }) => ({
      streamId,
      expectedVersion,
      events: events.map((event) => {
        const json = eventToJson(event)
        characters += json.length
        return { idempotencyKey: event.idempotencyKey, json, event: { ...event } }
      }),
    }))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ requests, characters, resolve, reject })
      this.#writing ??= this.#writeWaiting()
    })
  }

  /** When all that was appended before has been written or refused. */
  async settled(): Promise<void> {
    await this.#writing
  }

  async #writeWaiting(): Promise<void> {
    // What is appended in the same turn of the event loop goes together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#take()
      try {
        const [first] = group as [Waiting]
        const results = await this.#write(group.length === 1 ? first.requests : group.flatMap(({ requests }) => requests))
        let start = 0
        for (const { requests, resolve } of group) {
          resolve(group.length === 1 ? results : results.slice(start, start + requests.length))
          start += requests.length
        }
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    // In the same turn as the check above: an append between the two would wait for ever.
    this.#writing = undefined
  }

  #take(): Waiting[] {
    let characters = 0
    let count = 0
    for (const waiting of this.#waiting) {
      characters += waiting.characters
      count += 1
      if (characters > MAX_WRITE_CHARACTERS) break
    }
    return this.#waiting.splice(0, count)
  }
}
