import { unreadableNotice } from '../consumers/unreadable-notice.ts'
import { isCommsError } from '../errors.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { type Logger, silentLogger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { type LeadTiesState, leadTies } from './lead-ties.ts'

/** The ties of the log in memory, read on when asked. */
export class LeadBook {
  readonly #store: EventStore
  readonly #logger: Logger
  readonly #notice: (event: RecordedEvent) => void
  #onEvent: (event: RecordedEvent) => void = () => {}
  #state: LeadTiesState = leadTies.initial()
  #position: Position | undefined
  readonly #stopping = new AbortController()
  #reading: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(store: EventStore, logger: Logger = silentLogger) {
    this.#store = store
    this.#logger = logger
    this.#notice = unreadableNotice('Leads', logger)
  }

  /** Who is told of each event, after it is in the ties. */
  onEvent(told: (event: RecordedEvent) => void): void {
    this.#onEvent = told
  }

  /** As far as the log was read. Do not change it. */
  get state(): LeadTiesState {
    return this.#state
  }

  /**
   * Reads the log to its end: whatever was recorded before the call is in the ties after it. When the log is another one than before, its
   * ties are read from its beginning.
   * @throws what the store throws; the ties stay as far as they were read.
   */
  refresh(): Promise<void> {
    if (!this.#reading) {
      this.#reading = this.#read().finally(() => {
        this.#reading = undefined
      })
      return this.#reading
    }
    // The read under way may be past what the caller has just recorded: one more, for all who ask meanwhile.
    this.#next ??= this.#reading
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined
        return this.refresh()
      })
    return this.#next
  }

  /** Ends the read under way: the first one of a long log takes a while. */
  stop(): void {
    this.#stopping.abort()
  }

  async #read(): Promise<void> {
    try {
      await this.#readOn()
    } catch (error) {
      if (this.#position === undefined || !isCommsError(error, 'position_invalid')) throw error
      this.#logger.warn('Leads: the log is another one than before; reads it from the beginning', { error: error.message })
      this.#state = leadTies.initial()
      this.#position = undefined
      await this.#readOn()
    }
  }

  async #readOn(): Promise<void> {
    const after = this.#position
    const { signal } = this.#stopping
    for await (const event of this.#store.readAll(after === undefined ? { signal } : { after, signal })) {
      this.#notice(event)
      this.#state = leadTies.fold(this.#state, event)
      this.#position = event.position
      if (event.type !== 'event.unreadable') this.#onEvent(event)
    }
  }
}
