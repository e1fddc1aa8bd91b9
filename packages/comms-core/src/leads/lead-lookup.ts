import { LRUCache } from 'lru-cache'
import { CircuitBreaker } from '../circuit-breaker.ts'
import { CommsError, isCommsError } from '../errors.ts'
import type { ContactAddress } from '../events/contact-address.ts'
import { type LeadMatch, leadMatchSchema } from '../events/message-event.ts'
import { timeLimit } from '../pause.ts'
import type { Clock, Logger } from '../runtime.ts'
import { chooseLead } from './choose-lead.ts'
import type { Lead, LeadDirectory } from './lead-directory.ts'

/** What the directory said of an address. */
export interface LeadAnswer {
  /** Absent: nobody has this address. */
  readonly match?: LeadMatch
  /** The record chosen. */
  readonly lead?: Lead
}

export interface LeadLookupOptions {
  readonly directory: LeadDirectory
  readonly logger: Logger
  readonly clock: Clock
  readonly random: () => number
  readonly maxBatch: number
  readonly maxInFlight: number
  readonly timeoutMs: number
  readonly foundForMs: number
  readonly notFoundForMs: number
  readonly maxCached: number
}

interface Waiting {
  readonly address: ContactAddress
  readonly resolve: (answer: LeadAnswer) => void
  readonly reject: (error: unknown) => void
}

const BREAKER = { failures: 5, firstMs: 1_000, maxMs: 30_000 }

/**
 * Asks the directory: remembers answers, has at most one question about an address under way, sends those that wait together, and leaves
 * a directory that is down alone for a while.
 */
export class LeadLookup {
  readonly #options: LeadLookupOptions
  readonly #found: LRUCache<string, LeadAnswer>
  readonly #notFound: LRUCache<string, true>
  readonly #underWay = new Map<string, Promise<LeadAnswer>>()
  readonly #breaker: CircuitBreaker
  readonly #stopping = new AbortController()
  /** Rises when an answer under way may be older than a change that was told. */
  readonly #changes = new Map<string, number>()
  #waiting: Waiting[] = []
  #inFlight = 0
  #asked = 0

  constructor(options: LeadLookupOptions) {
    const { clock, logger, directory, random, maxCached, foundForMs, notFoundForMs } = options
    this.#options = options
    // lru-cache takes 0 for "no start time", and a clock for tests may start there.
    const cached = { max: maxCached, perf: { now: () => clock.now() + 1 }, ttlResolution: 0 }
    this.#found = new LRUCache({ ...cached, ttl: foundForMs })
    this.#notFound = new LRUCache({ ...cached, ttl: notFoundForMs })
    this.#breaker = new CircuitBreaker({
      ...BREAKER,
      clock,
      random,
      onChange: (state, forMs, error) => {
        if (state === 'closed') logger.info(`Leads: ${directory.id} answers again`)
        else
          logger.warn(
            `Leads: ${directory.id} is left alone for ${Math.round(forMs / 1000)} s; messages go on, their leads are found later`,
            {
              error: error instanceof Error ? error.message : String(error),
            },
          )
      },
    })
  }

  /** Questions sent to the directory, and whether it is asked at all now. */
  state(): { readonly asked: number; readonly underWay: number; readonly available: boolean } {
    return { asked: this.#asked, underWay: this.#underWay.size, available: this.#breaker.isClosed }
  }

  get isAvailable(): boolean {
    return this.#breaker.isClosed
  }

  /** Milliseconds until the directory may be asked again; 0: now. */
  waitMs(): number {
    return this.#breaker.waitMs()
  }

  /** What was answered before and still holds. */
  cached({ value }: ContactAddress): LeadAnswer | undefined {
    return this.#found.get(value) ?? (this.#notFound.has(value) ? {} : undefined)
  }

  /** Drops what is known of these, an answer under way included: the directory has told of a change. */
  forget(addresses: readonly ContactAddress[]): void {
    for (const { value } of addresses) {
      this.#found.delete(value)
      this.#notFound.delete(value)
      if (this.#underWay.has(value)) this.#changes.set(value, (this.#changes.get(value) ?? 0) + 1)
    }
  }

  /**
   * From memory, or by asking. `fresh` asks even when nobody was found before.
   * @throws CommsError `directory_unavailable`, `directory_misconfigured`.
   */
  find(address: ContactAddress, { fresh = false }: { readonly fresh?: boolean } = {}): Promise<LeadAnswer> {
    const known = fresh ? this.#found.get(address.value) : this.cached(address)
    if (known) return Promise.resolve(known)
    const underWay = this.#underWay.get(address.value)
    if (underWay) return underWay
    if (this.#stopping.signal.aborted || !this.#breaker.isClosed) {
      const retryAfterMs = Math.max(1, this.#breaker.waitMs())
      return Promise.reject(new CommsError('directory_unavailable', `${this.#options.directory.id} is not asked now`, { retryAfterMs }))
    }
    const asking = new Promise<LeadAnswer>((resolve, reject) => this.#waiting.push({ address, resolve, reject }))
    this.#underWay.set(address.value, asking)
    const end = () => {
      this.#underWay.delete(address.value)
      this.#changes.delete(address.value)
    }
    asking.then(end, end)
    // What is asked in the same turn goes together.
    queueMicrotask(() => this.#send())
    return asking
  }

  stop(): void {
    this.#stopping.abort(new CommsError('directory_unavailable', 'Leads: stopped'))
    for (const { reject } of this.#waiting.splice(0)) reject(this.#stopping.signal.reason)
  }

  #send(): void {
    const { maxInFlight, maxBatch } = this.#options
    while (this.#waiting.length > 0 && this.#inFlight < maxInFlight) {
      if (!this.#breaker.take()) {
        const retryAfterMs = Math.max(1, this.#breaker.waitMs())
        const error = new CommsError('directory_unavailable', `${this.#options.directory.id} is not asked now`, { retryAfterMs })
        for (const { reject } of this.#waiting.splice(0)) reject(error)
        return
      }
      this.#inFlight += 1
      void this.#ask(this.#waiting.splice(0, maxBatch)).finally(() => {
        this.#inFlight -= 1
        this.#send()
      })
    }
  }

  async #ask(batch: readonly Waiting[]): Promise<void> {
    const { directory, timeoutMs } = this.#options
    const before = new Map(batch.map(({ address: { value } }) => [value, this.#changes.get(value) ?? 0]))
    this.#asked += 1
    const limit = timeLimit(timeoutMs, this.#stopping.signal)
    try {
      const { signal } = limit
      const addresses = batch.map(({ address }) => address)
      const found = await settled(directory.findByAddresses(addresses, { signal }), signal)
      this.#breaker.succeeded()
      for (const { address, resolve } of batch) {
        const answer = this.#answerOf(found.get(address.value) ?? [])
        if (before.get(address.value) === (this.#changes.get(address.value) ?? 0)) this.#remember(address.value, answer)
        resolve(answer)
      }
    } catch (error) {
      if (batch.length > 1 && !limit.signal.aborted && isAboutContent(error)) {
        // One address that the directory cannot take must not keep the others from their answers.
        const middle = Math.ceil(batch.length / 2)
        await Promise.all([this.#ask(batch.slice(0, middle)), this.#ask(batch.slice(middle))])
        return
      }
      const told =
        limit.signal.aborted && !this.#stopping.signal.aborted
          ? new CommsError('directory_unavailable', `${directory.id} did not answer within ${timeoutMs} ms`)
          : error
      if (!this.#stopping.signal.aborted) this.#breaker.failed(told)
      for (const { reject } of batch) reject(told)
    } finally {
      limit.end()
    }
  }

  #answerOf(found: readonly Lead[]): LeadAnswer {
    const { directory, logger } = this.#options
    const match = chooseLead(directory.id, found)
    const lead = match && found.find(({ id, type }) => id === match.id && type === match.type)
    if (!match || !lead) return {}
    // It goes into events without another look, and one that breaks their schema could not be read back.
    if (leadMatchSchema.safeParse(match).success) return { match, lead }
    logger.error(`Leads: ${directory.id} gave a record that breaks the schema of leads; it is left out`)
    return {}
  }

  #remember(value: string, answer: LeadAnswer): void {
    if (answer.match) {
      this.#found.set(value, answer)
      this.#notFound.delete(value)
    } else {
      this.#found.delete(value)
      this.#notFound.set(value, true)
    }
  }
}

/** Whether another question may well be answered: neither an outage, nor one that says how long to wait. */
export function isAboutContent(error: unknown): boolean {
  return !isCommsError(error, 'directory_unavailable') && !(isCommsError(error) && error.retryAfterMs !== undefined)
}

/** A directory that does not heed its signal must not hold its place for ever. */
function settled<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
