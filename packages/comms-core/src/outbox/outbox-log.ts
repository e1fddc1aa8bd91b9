import { isCommsError } from '../errors.ts'
import { idempotencyKey } from '../events/idempotency-key.ts'
import type { EventFact, MessageEventOf } from '../events/message-event.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import { backOffMs } from '../pause.ts'
import type { AppendRequest, AppendResult } from '../store/event-store.ts'
import type { OutboxOptions } from './outbox-options.ts'
import { RequestsAtHand } from './requests-at-hand.ts'

/** What an append gave back, one for each fact. `repeated`: it was in the log before, recorded by whomever. */
export interface Recorded {
  readonly event: RecordedEvent
  readonly repeated: boolean
}

export type OutboxRuntime = OutboxOptions & Required<Pick<OutboxOptions, 'sleep' | 'random'>>

/** What is recorded within this time goes together. */
const GATHER_MS = 2
const RETRY = { firstMs: 200, maxMs: 10_000 }
/** At a stop the log is not waited for longer: what is not recorded then is found out by asking the provider. */
const TRIES_WHEN_STOPPING = 3

/** The outbox's side of the log: what it records, its own memory hears of at once. */
export class OutboxLog {
  readonly atHand = new RequestsAtHand()
  readonly #options: OutboxRuntime
  readonly #onRecorded: (event: RecordedEvent) => void
  readonly #stopping: AbortSignal
  readonly #aborting: AbortSignal
  /** By id: what is given to the store and not answered yet. */
  readonly #recording = new Set<string>()
  #gathered: {
    readonly requests: readonly AppendRequest[]
    readonly resolve: (results: readonly AppendResult[]) => void
    readonly reject: (error: unknown) => void
  }[] = []

  constructor(options: OutboxRuntime, told: { onRecorded: (event: RecordedEvent) => void; stopping: AbortSignal; aborting: AbortSignal }) {
    this.#options = options
    this.#onRecorded = told.onRecorded
    this.#stopping = told.stopping
    this.#aborting = told.aborting
  }

  /** The whole request of a message. @throws CommsError `store_unavailable` and the like. */
  async requestOf(messageId: string): Promise<MessageEventOf<'message.requested'> & RecordedEvent> {
    const kept = this.atHand.take(messageId)
    if (kept) return kept
    const event = await this.#options.store.find(idempotencyKey('request', messageId))
    if (event?.type === 'message.requested') return event
    throw new Error(`the log no longer shows the request of ${messageId}`)
  }

  /**
   * Records facts, each in its stream; tries until the log takes them. The events stay the same, so an append whose answer was lost is
   * recognised as ours. Nothing at a stop while the log is away.
   * @throws CommsError `event_invalid`: they can never be recorded.
   */
  async record(facts: readonly EventFact[]): Promise<readonly Recorded[] | undefined> {
    const events = facts.map((fact) => createEvent(fact, this.#options))
    const results = await this.#untilTaken(events.map((event) => ({ streamId: streamIdOf(event), events: [event] })))
    return results?.flatMap((result) => (result.status === 'recorded' ? result.events : []))
  }

  /** Like {@link record}, in one stream, all or nothing, and only when the stream is at this version. `conflict` when it is not. */
  async recordAt(version: number, facts: readonly EventFact[]): Promise<'recorded' | 'conflict' | undefined> {
    const events = facts.map((fact) => createEvent(fact, this.#options))
    const [first] = events
    if (!first) return 'recorded'
    const results = await this.#untilTaken([{ streamId: streamIdOf(first), events, expectedVersion: version }])
    return results?.[0]?.status
  }

  /** Whether the event was recorded for this process: by this call, or by one whose answer was lost. */
  async claim(fact: EventFact): Promise<boolean> {
    const event = createEvent(fact, this.#options)
    const [result] = (await this.#untilTaken([{ streamId: streamIdOf(event), events: [event] }])) ?? []
    return result?.status === 'recorded' && result.events[0]?.event.id === event.id
  }

  /** Whether this is an event of ours, of whose recording we have not heard yet. */
  isRecording({ id }: RecordedEvent): boolean {
    return this.#recording.has(id)
  }

  /** Appends, together with what else is recorded within a moment: a disk is synced once for all. */
  #gather(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    return new Promise((resolve, reject) => {
      this.#gathered.push({ requests, resolve, reject })
      if (this.#gathered.length === 1) void this.#options.sleep(GATHER_MS, this.#stopping).then(() => this.#appendGathered())
    })
  }

  async #appendGathered(): Promise<void> {
    const gathered = this.#gathered
    this.#gathered = []
    const { store } = this.#options
    const ids = gathered.flatMap(({ requests }) => requests.flatMap(({ events }) => events.map(({ id }) => id)))
    for (const id of ids) this.#recording.add(id)
    try {
      const results = await store.append(gathered.flatMap(({ requests }) => requests))
      let start = 0
      for (const { requests, resolve } of gathered) {
        resolve(results.slice(start, start + requests.length))
        start += requests.length
      }
    } catch (error) {
      // Only the one to blame is refused.
      const alone = isCommsError(error, 'event_invalid') && gathered.length > 1
      for (const { requests, resolve, reject } of gathered) {
        if (alone) store.append(requests).then(resolve, reject)
        else reject(error)
      }
    } finally {
      for (const id of ids) this.#recording.delete(id)
    }
  }

  async #untilTaken(requests: readonly AppendRequest[]): Promise<readonly AppendResult[] | undefined> {
    const { logger, sleep, random } = this.#options
    for (let tries = 1; ; tries += 1) {
      try {
        const results = await this.#gather(requests)
        for (const [index, result] of results.entries()) {
          if (result.status !== 'recorded') continue
          for (const [place, { event }] of result.events.entries()) {
            // The log holds this fact in a form that this release cannot read. The key is the same, so ours says the same of it.
            const ours = event.type === 'event.unreadable' ? requests[index]?.events[place] : undefined
            this.#onRecorded(ours ? ({ ...event, ...ours } as RecordedEvent) : event)
          }
        }
        return results
      } catch (error) {
        logger.error('Outbox: the log cannot be written', { error: error instanceof Error ? error.message : String(error) })
        if (isCommsError(error, 'event_invalid')) throw error
        if (this.#stopping.aborted && tries >= TRIES_WHEN_STOPPING) return undefined
        await sleep(backOffMs(tries, RETRY, random), this.#aborting)
      }
    }
  }
}
