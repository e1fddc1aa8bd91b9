import { type AppendRequest, type AppendResult, eventToJson, type UnplacedEvent, unplacedCopy } from '@pipe-comms/core'
import { hashOf, type KeyHash } from './log-index.ts'

/** An event on its way into the log. */
export interface Line {
  readonly idempotencyKey: string
  readonly hash: KeyHash
  /** The text that is written, taken when `append` was called: what the caller does to its objects later changes nothing. */
  readonly json: string
  /** A copy that becomes the recorded event when it gets its place. */
  readonly event: UnplacedEvent
}

export interface LineRequest {
  readonly streamId: string
  readonly expectedVersion?: number | undefined
  readonly events: readonly Line[]
}

/** What a {@link GroupCommit} writes to. */
export interface GroupLog {
  /** Writes a group behind what was written before; its results hold when it is durable. A group that fails leaves nothing behind. */
  write(requests: readonly LineRequest[]): Promise<readonly AppendResult[]>
  /** Makes durable what was written before the call. `inPlace`: there is little to do meanwhile. */
  sync(inPlace: boolean): Promise<void>
  /** Forgets what is written and not durable, at once. */
  takeBack(): void
}

interface Append {
  readonly requests: readonly LineRequest[]
  readonly characters: number
  readonly resolve: (results: readonly AppendResult[]) => void
  readonly reject: (error: unknown) => void
}

interface Group {
  readonly appends: readonly Append[]
  readonly characters: number
}

interface Written extends Group {
  readonly results: readonly AppendResult[]
}

/** A group is closed at this size, so that a flood of appends does not wait for one huge write. */
const MAX_GROUP_CHARACTERS = 8_388_608
/** As much is worth a sync of its own: while the disk works on it, more is written. */
const WORTH_A_SYNC_CHARACTERS = 16_384
/** A disk that takes longer for a sync is waited for anyway: the more goes in one sync the better. */
const QUICK_SYNC_MS = 1

/**
 * Appends that wait go together in one group with one sync; each hears only of its own requests. While the disk syncs a group, the
 * next ones are written behind it, and the next sync covers them all.
 */
export class GroupCommit {
  readonly #log: GroupLog
  readonly #waiting: Append[] = []
  #written: Written[] = []
  #writing: Promise<void> | undefined
  #syncing: Promise<void> | undefined
  #lastSyncMs = 0

  constructor(log: GroupLog) {
    this.#log = log
  }

  async append(appended: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    let characters = 0
    const requests = appended.map(({ streamId, expectedVersion, events }) => ({
      streamId,
      expectedVersion,
      events: events.map((event) => {
        const json = eventToJson(event)
        characters += json.length
        return { idempotencyKey: event.idempotencyKey, hash: hashOf(event.idempotencyKey), json, event: unplacedCopy(event, streamId) }
      }),
    }))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ requests, characters, resolve, reject })
      this.#writing ??= this.#writeWaiting()
    })
  }

  /** When all that was appended before is durable or refused. */
  async settled(): Promise<void> {
    await this.#writing
    await this.#syncing
  }

  async #writeWaiting(): Promise<void> {
    // What is appended in the same turn of the event loop goes together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const { appends, characters } = this.#take()
      try {
        const [first] = appends as [Append]
        const results = await this.#log.write(appends.length === 1 ? first.requests : appends.flatMap(({ requests }) => requests))
        this.#written.push({ appends, characters, results })
        this.#syncing ??= this.#syncWritten()
      } catch (error) {
        for (const { reject } of appends) reject(error)
      }
    }
    // In the same turn as the check above: an append between the two would wait for ever.
    this.#writing = undefined
  }

  /** All that waits; when a quick disk has nothing to do and there is enough, half of it, to be synced while the other half is written. */
  #take(): Group {
    const waiting = this.#waiting.reduce((sum, { characters }) => sum + characters, 0)
    const isHalved = this.#syncing === undefined && this.#lastSyncMs < QUICK_SYNC_MS && waiting >= 2 * WORTH_A_SYNC_CHARACTERS
    const most = Math.min(MAX_GROUP_CHARACTERS, isHalved ? waiting / 2 : waiting)
    let characters = 0
    let count = 0
    for (const append of this.#waiting) {
      characters += append.characters
      count += 1
      if (characters >= most) break
    }
    return { appends: this.#waiting.splice(0, count), characters }
  }

  async #syncWritten(): Promise<void> {
    while (this.#written.length > 0) {
      const synced = this.#written
      this.#written = []
      try {
        const startedAt = performance.now()
        await this.#log.sync(isLittle(synced) && this.#waiting.length === 0)
        this.#lastSyncMs = performance.now() - startedAt
        for (const { appends, results } of synced) answer(appends, results)
      } catch (error) {
        // What was written behind it goes with it.
        const lost = [...synced, ...this.#written]
        this.#written = []
        this.#log.takeBack()
        for (const { appends } of lost) for (const { reject } of appends) reject(error)
      }
    }
    this.#syncing = undefined
  }
}

function isLittle(groups: readonly Group[]): boolean {
  return groups.reduce((sum, { characters }) => sum + characters, 0) < WORTH_A_SYNC_CHARACTERS
}

function answer(appends: readonly Append[], results: readonly AppendResult[]): void {
  let start = 0
  for (const { requests, resolve } of appends) {
    resolve(appends.length === 1 ? results : results.slice(start, start + requests.length))
    start += requests.length
  }
}
