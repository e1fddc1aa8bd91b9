import { type AppendRequest, type AppendResult, eventToJson } from '@pipe-comms/core'

/** A batch of requests, and their events as JSON text. */
export interface Batch {
  readonly requests: readonly AppendRequest[]
  /** Taken when `append` was called: what the caller does to its objects later changes nothing. */
  readonly json: ReadonlyMap<object, string>
}

interface Waiting extends Batch {
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

/** A write is closed at this size, so that a flood of appends does not wait for one huge write. */
const MAX_WRITE_CHARACTERS = 8_388_608

/** Appends that wait while a write is under way go together in the next one; each hears only of its own requests. */
export class GroupCommit {
  readonly #write: (batch: Batch) => Promise<readonly AppendResult[]>
  readonly #waiting: Waiting[] = []
  #writing: Promise<void> | undefined

  constructor(write: (batch: Batch) => Promise<readonly AppendResult[]>) {
    this.#write = write
  }

  async append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    const json = new Map<object, string>()
    const copies = requests.map((request) => {
      const events = request.events.map((event) => ({ ...event }))
      for (const event of events) json.set(event, eventToJson(event))
      return { ...request, events }
    })
    return new Promise((resolve, reject) => {
      this.#waiting.push({ requests: copies, json, resolve, reject })
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
        const requests = group.flatMap((waiting) => waiting.requests)
        const [first] = group as [Waiting]
        const json = group.length === 1 ? first.json : new Map(group.flatMap((waiting) => [...waiting.json]))
        const results = await this.#write({ requests, json })
        let start = 0
        for (const { requests: own, resolve } of group) {
          resolve(results.slice(start, start + own.length))
          start += own.length
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
    for (const { json } of this.#waiting) {
      for (const text of json.values()) characters += text.length
      count += 1
      if (characters > MAX_WRITE_CHARACTERS) break
    }
    return this.#waiting.splice(0, count)
  }
}
