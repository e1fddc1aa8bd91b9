import { CommsError } from '../errors.ts'
import type { ContactAddress } from '../events/contact-address.ts'
import type { LeadMatch, NewEvent } from '../events/message-event.ts'
import { backOffMs, timerSleep } from '../pause.ts'
import type { Clock, IdSource, Logger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { LateLeads } from './late-leads.ts'
import type { LeadBook } from './lead-book.ts'
import { LeadLookup } from './lead-lookup.ts'
import type { LeadOptions, LeadState } from './lead-options.ts'
import { isByHand, isUndone, leadOf } from './lead-ties.ts'
import { numberTwins } from './subscriber-number.ts'

export interface LeadCorrelatorOptions extends LeadOptions {
  readonly store: EventStore
  readonly book: LeadBook
  readonly logger: Logger
  readonly clock: Clock
  readonly ids: IdSource
}

type Settings = LeadCorrelatorOptions & Required<Omit<LeadOptions, 'askAgainAfterMs' | 'resolveContact' | 'onCorrelated'>>

const WHOLE_NUMBERS = { budgetMs: 0, maxBatch: 1, maxInFlight: 1, timeoutMs: 1, foundForMs: 1, notFoundForMs: 1, maxCached: 1, pollMs: 1 }

/**
 * Puts its lead on an event before it is recorded, when that is known in time, and finds it later when it is not. A directory that is slow
 * or down costs a message at most the budget, and no message is ever lost for it.
 * @throws CommsError `configuration_invalid` for an option that makes no sense.
 */
export class LeadCorrelator {
  readonly #options: Settings
  readonly #lookup: LeadLookup
  readonly #late: LateLeads
  readonly #stopping = new AbortController()
  #watching: Promise<void> | undefined

  constructor(given: LeadCorrelatorOptions) {
    const defaults = {
      random: Math.random,
      sleep: timerSleep,
      budgetMs: 150,
      maxBatch: 50,
      maxInFlight: 4,
      timeoutMs: 10_000,
      foundForMs: 3_600_000,
      notFoundForMs: 300_000,
      maxCached: 50_000,
      pollMs: 1000,
    }
    const options: Settings = { ...defaults, ...given }
    for (const [name, least] of Object.entries(WHOLE_NUMBERS)) {
      const value = options[name as keyof typeof WHOLE_NUMBERS]
      if (Number.isInteger(value) && value >= least) continue
      throw new CommsError('configuration_invalid', `leads: ${name}: expected a whole number from ${least}, got ${value}`)
    }
    if (!/^[a-z][a-z0-9-]*$/.test(options.directory.id)) {
      throw new CommsError(
        'configuration_invalid',
        `Expected a directory id of lower-case letters, digits and dashes, got "${options.directory.id}"`,
      )
    }
    this.#options = options
    this.#lookup = new LeadLookup(options)
    this.#late = new LateLeads({ ...options, lookup: this.#lookup })
  }

  state(): LeadState {
    return { ...this.#late.counts(), ...this.#lookup.state() }
  }

  start(): void {
    this.#late.start()
    this.#watching ??= this.#watch()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#lookup.stop()
    await Promise.all([this.#late.stop(), this.#watching])
  }

  async #watch(): Promise<void> {
    const { directory, logger, sleep, random } = this.#options
    const { signal } = this.#stopping
    for (let failures = 1; directory.changes?.watch && !signal.aborted; failures += 1) {
      try {
        await directory.changes.watch({ signal, onChanged: (addresses) => this.changed(addresses) })
        return
      } catch (error) {
        if (signal.aborted) return
        const waitMs = backOffMs(failures, { firstMs: 1_000, maxMs: 300_000 }, random)
        logger.warn(`Leads: ${directory.id} cannot be watched, next try in ${waitMs} ms`, { error: String(error) })
        await sleep(waitMs, signal)
      }
    }
  }

  /** The directory may answer otherwise for these now. */
  changed(addresses: readonly ContactAddress[]): void {
    const all = addresses.flatMap((address) => [address, ...twinsOf(address)])
    this.#lookup.forget(all)
    this.#late.askNow(all)
  }

  /** The events with their leads, as far as these are known within the budget. Never throws. */
  async correlate(events: readonly NewEvent[]): Promise<readonly NewEvent[]> {
    const waiting = events.flatMap((event) => {
      const contact = correlatable(event)
      if (!contact || this.#known(contact) !== undefined || !this.#lookup.isAvailable) return []
      const asked = this.#lookup.find(contact).catch(() => undefined)
      // Only for what the contact does: statuses of our own messages are many and can do without.
      return event.direction === 'inbound' ? [asked] : []
    })
    if (waiting.length > 0) {
      const enough = new AbortController()
      await Promise.race([Promise.all(waiting), this.#options.sleep(this.#options.budgetMs, enough.signal)])
      enough.abort()
    }
    return events.map((event) => {
      const contact = correlatable(event)
      const lead = contact && this.#known(contact)
      return lead ? { ...event, lead } : event
    })
  }

  /** `null`: nobody. Nothing: the directory must be asked. */
  #known(contact: ContactAddress): LeadMatch | null | undefined {
    const { state } = this.#options.book
    const tied = leadOf(state, contact.value)
    if (tied && isByHand(state, contact.value)) return tied
    const answer = askable(contact) ? this.#lookup.cached(contact) : {}
    if (answer?.match && !isUndone(state, contact.value, answer.match)) return answer.match
    if (tied) {
      // The tie of the log holds for this event; a newer answer is there for the next one.
      if (!answer && this.#lookup.isAvailable) this.#lookup.find(contact).catch(() => undefined)
      return tied
    }
    return answer ? null : undefined
  }
}

/** Whether a directory could hold it. */
function askable({ kind }: ContactAddress): boolean {
  return kind === 'phone' || kind === 'email'
}

/** The contact of an event whose lead is to be found. A group is many people, and a short code is nobody. */
function correlatable({ contact, lead }: NewEvent): ContactAddress | undefined {
  return contact && !lead && (askable(contact) || contact.kind === 'lid') ? contact : undefined
}

function twinsOf({ kind, value }: ContactAddress): ContactAddress[] {
  return kind === 'phone' ? numberTwins(value).map((twin) => ({ kind, value: twin.value, raw: twin.value })) : []
}
