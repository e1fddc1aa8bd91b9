import {
  type AppendRequest,
  type AppendResult,
  CommsError,
  eventToJson,
  type UnplacedEvent,
  unplacedCopy,
  upcastEvent,
} from '@pipe-comms/core'
import type { KeyHash } from './key-hash.ts'

/** An event on its way into the log. */
export interface Line {
  readonly idempotencyKey: string
  /** Set by the log that it is written to. */
  hash?: KeyHash
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

/** As much may wait for the disk, 64 MiB of ASCII, which takes about three times as much memory; further appends are refused. */
const MAX_WAITING_CHARACTERS = 67_108_864
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
  readonly #maxCharacters: number
  readonly #waiting: Append[] = []
  /** What is appended and neither durable nor refused. */
  #characters = 0
  #written: Written[] = []
  #writing: Promise<void> | undefined
  #syncing: Promise<void> | undefined
  #lastSyncMs = 0

  constructor(log: GroupLog, maxCharacters = MAX_WAITING_CHARACTERS) {
    this.#log = log
    this.#maxCharacters = maxCharacters
  }

  /** @throws CommsError `store_overloaded` when too much waits for the disk; an append alone may have any size. */
  async append(appended: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    if (this.#characters >= this.#maxCharacters) throw this.#overloaded()
    let characters = 0
    const requests = appended.map(({ streamId, expectedVersion, events }) => ({
      streamId,
      expectedVersion,
      events: events.map((event) => {
        // What could not be read back is refused.
        upcastEvent(event)
        const json = eventToJson(event)
        characters += json.length
        return { idempotencyKey: event.idempotencyKey, json, event: unplacedCopy(event, streamId) }
      }),
    }))
    if (this.#characters > 0 && this.#characters + characters > this.#maxCharacters) throw this.#overloaded()
    this.#characters += characters
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

  #overloaded(): CommsError {
    return new CommsError(
      'store_overloaded',
      `${this.#characters} characters of events wait for the disk, the limit is ${this.#maxCharacters}`,
    )
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
        this.#characters -= characters
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
        this.#characters -= charactersOf(synced)
        for (const { appends, results } of synced) answer(appends, results)
      } catch (error) {
        // What was written behind it goes with it.
        const lost = [...synced, ...this.#written]
        this.#written = []
        this.#characters -= charactersOf(lost)
        this.#log.takeBack()
        for (const { appends } of lost) for (const { reject } of appends) reject(error)
      }
    }
    this.#syncing = undefined
  }
}

function isLittle(groups: readonly Group[]): boolean {
  return charactersOf(groups) < WORTH_A_SYNC_CHARACTERS
}

function charactersOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { characters }) => sum + characters, 0)
}

function answer(appends: readonly Append[], results: readonly AppendResult[]): void {
  let start = 0
  for (const { requests, resolve } of appends) {
    resolve(appends.length === 1 ? results : results.slice(start, start + requests.length))
    start += requests.length
  }
}
