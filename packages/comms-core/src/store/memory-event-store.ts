import { checkOf, clockOption, filledText, optionsObject } from '../check-options.ts'
import { CommsError } from '../errors.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { readStoredEvent, upcastEvent } from '../events/upcaster.ts'
import { type Clock, isoInstant, systemClock } from '../runtime.ts'
import { decideAppends, eventToJson } from './decide-appends.ts'
import type { AppendRequest, AppendResult, EventStore, ReadAllOptions, ReadStreamOptions } from './event-store.ts'
import { newLogId, placeIn, positionIn } from './log-identity.ts'

const checkOptions = checkOf(
  'memoryEventStore',
  optionsObject<{ clock: unknown; logId: unknown }>({ clock: clockOption.optional(), logId: filledText('a name').optional() }),
)

/**
 * The reference store: all in memory, gone with the process. For tests and trials. `logId` is the name in its positions, a new one by default.
 * @example
 * const store = memoryEventStore()
 */
export function memoryEventStore(options: { clock?: Pick<Clock, 'now'>; logId?: string } = {}): EventStore {
  checkOptions(options)
  return new MemoryEventStore(options.clock ?? systemClock, options.logId ?? newLogId())
}

const POSITION_DIGITS = 12

class MemoryEventStore implements EventStore {
  /** JSON text, as in every other store: what a caller does to its objects later changes nothing here. */
  readonly #log: string[] = []
  readonly #places = new Map<string, number>()
  readonly #streams = new Map<string, number[]>()
  readonly #clock: Pick<Clock, 'now'>
  readonly #logId: string
  #closed = false

  constructor(clock: Pick<Clock, 'now'>, logId: string) {
    this.#clock = clock
    this.#logId = logId
  }

  async append(requests: readonly AppendRequest[]): Promise<readonly AppendResult[]> {
    this.#checkOpen()
    for (const request of requests) {
      for (const event of request.events) {
        // What could not be read back is refused before anything is recorded.
        upcastEvent(event)
        eventToJson(event)
      }
    }
    const recordedAt = isoInstant(this.#clock.now())
    return decideAppends(requests, {
      versionOf: (streamId) => this.#streams.get(streamId)?.length ?? 0,
      recordedUnder: (key) => this.#at(this.#places.get(key)),
      record: (event, { streamId, version }) => {
        const index = this.#log.length
        this.#log.push(eventToJson({ ...event, streamId, version, recordedAt }))
        this.#places.set(event.idempotencyKey, index)
        const stream = this.#streams.get(streamId)
        if (stream) stream.push(index)
        else this.#streams.set(streamId, [index])
        return { event: this.#at(index) as RecordedEvent, repeated: false }
      },
    })
  }

  async find(idempotencyKey: string): Promise<RecordedEvent | undefined> {
    this.#checkOpen()
    return this.#at(this.#places.get(idempotencyKey))
  }

  async *readStream(streamId: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    this.#checkOpen()
    const stream = this.#streams.get(streamId) ?? []
    for (let version = Math.max(1, options.fromVersion ?? 1); version <= stream.length; version += 1) {
      options.signal?.throwIfAborted()
      yield this.#at(stream[version - 1]) as RecordedEvent
    }
  }

  async *readAll(options: ReadAllOptions = {}): AsyncIterable<RecordedEvent> {
    this.#checkOpen()
    for (let index = this.#indexAfter(options.after); index < this.#log.length; index += 1) {
      options.signal?.throwIfAborted()
      yield this.#at(index) as RecordedEvent
    }
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #at(index: number | undefined): RecordedEvent | undefined {
    if (index === undefined) return undefined
    const position = positionIn(this.#logId, String(index + 1).padStart(POSITION_DIGITS, '0'))
    return readStoredEvent({ ...JSON.parse(this.#log[index] as string), position })
  }

  #indexAfter(position: string | undefined): number {
    if (position === undefined) return 0
    const place = placeIn(this.#logId, position)
    const index = Number(place)
    if (place?.length !== POSITION_DIGITS || !Number.isInteger(index) || index < 1 || index > this.#log.length) {
      throw new CommsError('position_invalid', `Expected a position of this memory log, got ${JSON.stringify(position)}`)
    }
    return index
  }

  #checkOpen(): void {
    if (this.#closed) throw new CommsError('store_closed', 'The memory store was closed')
  }
}
