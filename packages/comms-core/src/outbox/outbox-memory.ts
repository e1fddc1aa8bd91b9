import type { MessageEventOf } from '../events/message-event.ts'
import { mayBeOneRecipient, type ProviderName, sentKey } from '../events/message-names.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import type { Clock } from '../runtime.ts'
import { ContactLine } from './contact-line.ts'
import { enterFact, type Hearing, hearing, newEntry, type OutboxEntry } from './outbox-entry.ts'
import { UnnamedFacts } from './unnamed-facts.ts'

/** A message that is not done with, and what this process does about it. */
export interface Live {
  readonly entry: OutboxEntry
  readonly transportId: string
  /** Rises with the order of the requests in the log. */
  readonly number: number
  /** The place in the log before its request; the log must be read again from there while it is not done with. */
  before: Position | undefined
  /** The provider's names of it. They decide whether a callback is about it, so they are kept as long as the message is. */
  readonly providerNames: Set<string>
  /** Where the log says of its first attempt. */
  attemptedAt?: Position
  /** The first of these names. */
  providerMessageId?: string
  /** The log holds a `message.sent` of ours, by whose key the message is found from the provider's name. */
  isKeyed: boolean
  /** Where that is in the log. What came before may still be on its way to this process: see `isReadPast`. */
  sentAt?: Position
  /** Reports on it in other streams, to which nothing points yet. */
  elsewhere: RecordedEvent[]
  /** Pointers to these are being recorded. */
  pointing: boolean
  /** Facts under a name of it were dropped before the name was known: the log is read again before anything else is done. */
  lostFacts: boolean
  /** Something is done about it now. */
  running: boolean
  /** It waits in the lane of its transport. */
  queued: boolean
  /** Calls of the provider that were given up and have not ended: they may still send it. */
  abandonedCalls: number
  /** The log tells that the contact opted out or in since the request: its consent is to be looked at before it is sent. */
  consentChanged: boolean
  /** The provider has shown a message to this contact that nobody has named yet: it may be this one. */
  echoed: boolean
  /** Monotonic: the log could not be read or written, and nothing is done before this time. */
  heldUntil: number
  /** How often the provider was asked what became of it, and when it is asked next (monotonic). */
  reconciliations: number
  reconcileAt?: number
}

/** The messages that are not done with, found by every name that events give them. */
export class OutboxMemory {
  /** The log was read to its end once: until then it is not known what became of them. */
  ready = false
  readonly #clock: Clock
  /** In the order of their requests. */
  readonly #lives = new Map<string, Live>()
  readonly #contacts = new Map<string, { readonly lives: Set<Live>; readonly line: ContactLine<Live> }>()
  /** By the provider's names of it. */
  readonly #byName = new Map<string, Live>()
  #unnamed = new UnnamedFacts()
  readonly #ownAttempts = new Set<string>()
  #opened = 0
  /** How far the log was read. */
  #readTo: Position | undefined
  /** Done with, but the log is not read past their `sentAt`. */
  readonly #lingering = new Set<Live>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#lives.size - this.#lingering.size
  }

  /**
   * Whether the log was read up to the place where the provider took the message. Until then a report that overtook our own `message.sent`
   * may still come, and a message that is done with stays.
   */
  isReadPast(live: Live): boolean {
    const isPast = live.sentAt === undefined || (this.#readTo !== undefined && this.#readTo >= live.sentAt)
    if (isPast) this.#lingering.delete(live)
    else this.#lingering.add(live)
    return isPast
  }

  all(): Live[] {
    return [...this.#lives.values()]
  }

  /**
   * The log is read from a new place. What came from another log is forgotten, but for the messages about which something is under way: these
   * are not to be begun a second time.
   */
  beginAgain(): void {
    this.ready = false
    this.#readTo = undefined
    this.#unnamed = new UnnamedFacts()
    for (const live of this.all()) {
      if (!live.running) this.forget(live)
      live.before = undefined
      delete live.attemptedAt
      delete live.sentAt
    }
  }

  /** Those about which the log is to be read again. */
  withLostFacts(): Live[] {
    return this.all().filter(({ lostFacts, running }) => lostFacts && !running)
  }

  has(live: Live): boolean {
    return this.#lives.get(live.entry.request.messageId) === live
  }

  /** Those of a contact that hold up later ones; nothing when none of its messages is left. */
  line(streamId: string): ContactLine<Live> | undefined {
    return this.#contacts.get(streamId)?.line
  }

  /** This process will record this attempt and has counted it. */
  noteOwnAttempt(messageId: string, number: number): void {
    this.#ownAttempts.add(`${messageId}:${number}`)
  }

  /**
   * Enters what the log tells, in its order, and gives the messages it concerns. `before` is the position of the event before.
   * `attempted` says whether the attempt it tells of was not counted yet.
   */
  read(event: RecordedEvent, before: Position | undefined): { concerned: readonly Live[]; attempted: boolean } {
    this.#readTo = event.position
    if (event.type === 'message.requested') return { concerned: this.#open(event, before), attempted: false }
    const attempted = event.type === 'message.attempted' && !this.#ownAttempts.delete(`${event.messageId}:${event.data.attempt}`)
    return { concerned: this.enter(event), attempted }
  }

  /** Enters an event that this process recorded itself; the log will tell of it again. */
  enter(event: RecordedEvent): readonly Live[] {
    if (event.type === 'contact.opted_out' || event.type === 'contact.opted_in') {
      const lives = [...(this.#contacts.get(event.streamId)?.lives ?? [])]
      for (const live of lives) live.consentChanged = true
      return lives
    }
    if (event.direction !== 'outbound' && event.direction !== undefined) return []
    const live = this.#namedIn(event)
    if (!live) return this.#keepUnnamed(event)
    if (event.type === 'message.attempted') live.attemptedAt ??= event.position
    this.#enterFact(live, event)
    if (event.providerMessageId !== undefined) this.#learn(live, event)
    return [live]
  }

  forget(live: Live): void {
    const { messageId, streamId } = live.entry.request
    if (!this.#lives.delete(messageId)) return
    this.#lingering.delete(live)
    for (const name of live.providerNames) this.#byName.delete(name)
    const contact = this.#contacts.get(streamId)
    contact?.lives.delete(live)
    contact?.line.remove(live)
    if (contact?.lives.size === 0) this.#contacts.delete(streamId)
  }

  /** The place in the log before the oldest message that is not done with; `read`, how far the log was read, when there is none. */
  settledBefore(read: Position | undefined): Position | undefined {
    const [oldest] = this.#lives.values()
    return oldest ? oldest.before : read
  }

  #open(event: MessageEventOf<'message.requested'> & RecordedEvent, before: Position | undefined): readonly Live[] {
    const { messageId, streamId } = event
    if (this.#lives.has(messageId)) return []
    const replaced = this.#lives.get(event.data.fallbackOf ?? '')
    if (replaced) this.forget(replaced)
    this.#opened += 1
    const live: Live = {
      entry: newEntry(event, this.#heardNow()),
      transportId: event.data.transport ?? event.provider,
      number: this.#opened,
      before,
      providerNames: new Set(),
      isKeyed: false,
      elsewhere: [],
      pointing: false,
      lostFacts: false,
      running: false,
      queued: false,
      abandonedCalls: 0,
      consentChanged: false,
      echoed: false,
      heldUntil: 0,
      reconciliations: 0,
    }
    this.#lives.set(messageId, live)
    const contact = this.#contacts.get(streamId)
    if (contact) contact.lives.add(live)
    else this.#contacts.set(streamId, { lives: new Set([live]), line: new ContactLine() })
    return [live]
  }

  #heardNow(): Hearing {
    return hearing(this.#clock, { atStart: !this.ready })
  }

  #namedIn(event: RecordedEvent): Live | undefined {
    const own = event.messageId === undefined ? undefined : this.#lives.get(event.messageId)
    const name = providerName(event)
    return own ?? (name === undefined ? undefined : this.#byName.get(name))
  }

  #keepUnnamed(event: RecordedEvent): readonly Live[] {
    const name = providerName(event)
    if (name === undefined || this.#lives.size === 0) return []
    this.#unnamed.keep(name, event)
    if (event.type !== 'message.sent' || !event.data.content) return []
    const lives = [...(this.#contacts.get(event.streamId)?.lives ?? [])].filter(({ entry }) => entry.attempts.size > 0)
    for (const live of lives) live.echoed = true
    return lives
  }

  #enterFact(live: Live, event: RecordedEvent): void {
    enterFact(live.entry, event, this.#heardNow())
    const { contact, streamId } = live.entry.request
    if (event.streamId === streamId || !event.contact || !mayBeOneRecipient(contact, event.contact)) return
    if (!live.elsewhere.some(({ position }) => position === event.position)) live.elsewhere.push(event)
  }

  /** Which of the provider's is which of ours; what came under the provider's name before is entered now. */
  #learn(live: Live, event: RecordedEvent): void {
    const name = providerName(event) as string
    if (event.idempotencyKey === sentKey(event as ProviderName)) {
      live.isKeyed = true
      live.sentAt = event.position
    }
    if (live.providerNames.has(name)) return
    live.providerMessageId ??= event.providerMessageId as string
    live.providerNames.add(name)
    this.#byName.set(name, live)
    for (const fact of this.#unnamed.take(name)) this.#enterFact(live, fact)
    if (this.#unnamed.hasDroppedAfter(live.attemptedAt ?? live.before)) live.lostFacts = true
  }
}

/** The provider's name of the message that an event is about, when it has one. */
export function providerName({ provider, providerMessageId }: RecordedEvent): string | undefined {
  return providerMessageId === undefined ? undefined : `${provider}:${providerMessageId}`
}
