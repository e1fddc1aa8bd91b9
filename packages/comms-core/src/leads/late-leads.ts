import { entryIn } from '../consumers/table.ts'
import type { ContactAddress } from '../events/contact-address.ts'
import { idempotencyKey } from '../events/idempotency-key.ts'
import type { EventFact } from '../events/message-event.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import { backOffMs, type Sleep } from '../pause.ts'
import type { Clock, IdSource, Logger } from '../runtime.ts'
import type { AppendRequest, EventStore } from '../store/event-store.ts'
import { channelOf, decisionKey } from './by-hand.ts'
import type { LeadBook } from './lead-book.ts'
import { isAboutContent, type LeadAnswer, type LeadLookup } from './lead-lookup.ts'
import type { LeadOptions } from './lead-options.ts'
import { isByHand, isUndone, type LeadRef, type LeadTiesState, leadKey, leadOf } from './lead-ties.ts'
import { linksOf } from './link-contacts.ts'
import { nextAsk } from './retry-schedule.ts'

interface LateLeadsOptions extends LeadOptions {
  readonly store: EventStore
  readonly book: LeadBook
  readonly lookup: LeadLookup
  readonly logger: Logger
  readonly clock: Clock
  readonly ids: IdSource
  readonly random: () => number
  readonly sleep: Sleep
  readonly maxBatch: number
  readonly maxInFlight: number
  readonly pollMs: number
}

/** A contact to ask for. `askedAt`, in milliseconds: when the directory last answered for it; absent: not yet, or not since it changed. */
interface Asking {
  readonly address: ContactAddress
  askedAt?: number
}

const BACK_OFF = { firstMs: 1_000, maxMs: 60_000 }

/**
 * Reads the log on, asks the directory for the contacts in it that have no lead, and records `lead.correlated` when one is found: at once
 * for those that were not known in time, then on the schedule, and when the directory tells of a change. What is to be asked follows from
 * the log alone.
 */
export class LateLeads {
  readonly #options: LateLeadsOptions
  readonly #asking = new Map<string, Asking>()
  readonly #stopping = new AbortController()
  #wake = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: LateLeadsOptions) {
    this.#options = options
    options.book.onEvent((event) => this.#note(event))
  }

  counts(): { readonly contacts: number; readonly correlated: number } {
    const { state } = this.#options.book
    const contacts = Object.values(state.contacts).filter(({ address }) => address.kind === 'phone' || address.kind === 'email')
    return { contacts: contacts.length, correlated: contacts.filter(({ address }) => leadOf(state, address.value)).length }
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake.abort()
    await this.#running
  }

  /** Asks for these in the next moment, tied or not, if the log knows them. */
  askNow(addresses: readonly ContactAddress[]): void {
    for (const { value } of addresses) {
      const known = entryIn(this.#options.book.state.contacts, value)
      if (known) this.#asking.set(value, { address: known.address })
    }
    this.#wake.abort()
  }

  #isAskable({ kind }: ContactAddress): boolean {
    return kind === 'phone' || kind === 'email' || (kind === 'lid' && this.#options.resolveContact !== undefined)
  }

  #note(event: RecordedEvent): void {
    if (!event.contact) return
    const { state } = this.#options.book
    const other = event.type === 'contact.linked' ? event.data.to : event.type === 'contact.unlinked' ? event.data.from : undefined
    for (const address of other ? [event.contact, other] : [event.contact]) {
      if (!this.#isAskable(address)) continue
      const asking = this.#asking.get(address.value)
      if (!leadOf(state, address.value)) {
        if (!asking) this.#asking.set(address.value, { address })
      } else if (asking) {
        if (asking.askedAt !== undefined) this.#asking.delete(address.value)
      } else if (event.lead && isNewTie(state, event, event.lead) && this.#options.lookup.cached(address)) {
        // Its lead came with the message; the record's other addresses are this person's too.
        this.#asking.set(address.value, { address })
      }
    }
  }

  async #run(): Promise<void> {
    const { book, logger, sleep, pollMs, random } = this.#options
    for (let failures = 0; !this.#stopping.signal.aborted; ) {
      this.#wake = new AbortController()
      let waitMs = pollMs
      try {
        await book.refresh()
        await this.#askDue()
        failures = 0
      } catch (error) {
        if (this.#stopping.signal.aborted) return
        failures += 1
        waitMs = backOffMs(failures, BACK_OFF, random)
        logger.warn(`Leads: the log could not be read or written, next try in ${waitMs} ms`, { error: text(error) })
      }
      if (!this.#stopping.signal.aborted) await sleep(waitMs, this.#wake.signal)
    }
  }

  async #askDue(): Promise<void> {
    const { lookup, maxBatch, maxInFlight } = this.#options
    const due = this.#due()
    const chunk = maxBatch * maxInFlight
    for (let start = 0; start < due.length && lookup.waitMs() === 0 && !this.#stopping.signal.aborted; start += chunk) {
      const found = await Promise.all(due.slice(start, start + chunk).map((asking) => this.#ask(asking)))
      await this.#record(found.flat())
    }
  }

  #due(): Asking[] {
    const { clock, book, askAgainAfterMs } = this.#options
    const now = clock.now()
    const due: Asking[] = []
    for (const [value, asking] of this.#asking) {
      const lastAt = Date.parse(entryIn(book.state.contacts, value)?.lastAt ?? '')
      if (leadOf(book.state, value)) {
        if (asking.askedAt === undefined) due.push(asking)
        else this.#asking.delete(value)
        continue
      }
      const at = nextAsk(lastAt, asking.askedAt, now, askAgainAfterMs)
      if (at !== undefined && at <= now) due.push(asking)
    }
    return due
  }

  /** What is to be recorded for a contact now. Nothing while the directory cannot be asked: it stays due. */
  async #ask(asking: Asking): Promise<EventFact[]> {
    const { address } = asking
    const { lookup, clock, book, directory, resolveContact } = this.#options
    try {
      if (address.kind === 'lid') {
        const phone = await resolveContact?.(address, { signal: this.#stopping.signal })
        asking.askedAt = clock.now()
        return phone ? this.#linked(address, [phone], 'the provider knows the number') : []
      }
      const answer = await lookup.find(address, { fresh: asking.askedAt !== undefined })
      asking.askedAt = clock.now()
      const links = answer.lead ? linksOf(address, answer.lead) : []
      return [...this.#tied(address, answer), ...this.#linked(address, links, `one ${answer.lead?.type ?? 'record'} of ${directory.id}`)]
    } catch (error) {
      if (isAboutContent(error)) {
        // This question does not become better by being asked every second: it goes on the schedule.
        asking.askedAt = clock.now()
        this.#options.logger.warn('Leads: the question about a contact could not be answered', { error: text(error) })
      }
      return []
    } finally {
      if (asking.askedAt !== undefined && leadOf(book.state, address.value)) this.#asking.delete(address.value)
    }
  }

  #tied(address: ContactAddress, { match }: LeadAnswer): EventFact[] {
    const { state } = this.#options.book
    if (!match || isByHand(state, address.value) || isUndone(state, address.value, match)) return []
    const now = leadOf(state, address.value)
    if (now && leadKey(now) === leadKey(match)) return []
    const key = decisionKey('correlated', state, address, leadKey(match))
    const data = { by: `${match.directory}:${match.rule}` }
    return [{ ...this.#envelope(address), type: 'lead.correlated', idempotencyKey: key, lead: match, data }]
  }

  #linked(address: ContactAddress, others: readonly ContactAddress[], reason: string): EventFact[] {
    const { state } = this.#options.book
    return others
      .filter((other) => entryIn(entryIn(state.contacts, address.value)?.links ?? {}, other.value) === undefined)
      .map((to) => ({
        ...this.#envelope(address),
        type: 'contact.linked' as const,
        // Said once by the machine, whatever else is said: a person may take it back, and it stays so.
        idempotencyKey: idempotencyKey('linked', address.value, to.value),
        data: { to, reason },
      }))
  }

  #envelope(contact: ContactAddress) {
    const { book, directory } = this.#options
    return { channel: channelOf(book.state, contact) ?? contact.kind, provider: directory.id, contact, occurredAtSource: 'local' as const }
  }

  async #record(facts: readonly EventFact[]): Promise<void> {
    const { store, book, onCorrelated, logger } = this.#options
    if (facts.length === 0) return
    const requests = facts.map((fact): AppendRequest => {
      const event = createEvent(fact, this.#options)
      return { streamId: streamIdOf(event), events: [event] }
    })
    const results = await store.append(requests)
    await book.refresh()
    for (const result of results) {
      if (result.status !== 'recorded') continue
      for (const { event, repeated } of result.events) {
        if (repeated || event.type !== 'lead.correlated') continue
        try {
          onCorrelated?.(event)
        } catch (error) {
          logger.error('onCorrelated threw', { error: text(error) })
        }
      }
    }
  }
}

function isNewTie(state: LeadTiesState, event: RecordedEvent, lead: LeadRef): boolean {
  const facts = event.contact && entryIn(state.contacts, event.contact.value)
  return facts !== undefined && entryIn(facts.ties, leadKey(lead))?.foundAt === event.position && event.type !== 'lead.correlated'
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
