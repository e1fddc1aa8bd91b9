import type { MessageEventOf } from '../events/message-event.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { enterFact, lastAttempt, newEntry, type OutboxEntry } from './outbox-entry.ts'

/** A message that is not done with, and what this process does about it. */
export interface Live {
  readonly entry: OutboxEntry
  readonly transportId: string
  /** The place in the log before its request; the log must be read again from there while it is not done with. */
  readonly before: Position | undefined
  /** Something is done about it now. */
  running: boolean
  /** It waits in the lane of its transport. */
  queued: boolean
  /** The contact has opted out since the request. */
  optedOut: boolean
  /** The log could not be written: nothing before this time. */
  heldUntil: number
  /** How often the provider was asked what became of it, and when it is asked next. */
  reconciliations: number
  reconcileAt?: number
}

/** How many facts about messages that nobody has named yet are kept: they come seconds early, not hours. */
const MAX_UNNAMED = 10_000

type Request = OutboxEntry['request']
type Echo = MessageEventOf<'message.sent'> & RecordedEvent

/** The messages that are not done with, found by every name that events give them. */
export class OutboxMemory {
  /** The log was read to its end once: until then it is not known what became of them. */
  ready = false
  readonly #lives = new Map<string, Live>()
  readonly #streams = new Map<string, Live[]>()
  /** Our message, by the provider's name of it. */
  readonly #receipts = new Map<string, string>()
  /** Facts by a provider's name that is not known to be ours (yet). */
  readonly #unnamed = new Map<string, RecordedEvent[]>()
  readonly #ownAttempts = new Set<string>()
  /** A place in the log once a minute, to know where an hour ago is. */
  readonly #minutes: { readonly recordedAt: number; readonly position: Position }[] = []

  get size(): number {
    return this.#lives.size
  }

  all(): Live[] {
    return [...this.#lives.values()]
  }

  has(live: Live): boolean {
    return this.#lives.get(live.entry.request.messageId) === live
  }

  /** In the order of their requests. */
  inStream(streamId: string): readonly Live[] {
    return this.#streams.get(streamId) ?? []
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
    this.#mark(event)
    if (event.type === 'message.requested') return { concerned: this.#open(event, before), attempted: false }
    const attempted = event.type === 'message.attempted' && !this.#ownAttempts.delete(`${event.messageId}:${event.data.attempt}`)
    return { concerned: this.enter(event), attempted }
  }

  /** Enters an event that this process recorded itself; the log will tell of it again. */
  enter(event: RecordedEvent): readonly Live[] {
    if (event.type === 'contact.opted_out' || event.type === 'contact.opted_in') {
      const lives = this.inStream(event.streamId)
      for (const live of lives) live.optedOut = event.type === 'contact.opted_out'
      return [...lives]
    }
    if (event.direction !== 'outbound' && event.direction !== undefined) return []
    const live = this.#namedIn(event)
    if (!live) return this.#keepUnnamed(event)
    enterFact(live.entry, event)
    if (event.type === 'message.sent' && event.providerMessageId !== undefined) this.#learn(live, event)
    return [live]
  }

  /** The provider's own show of this message, if it came: a message of ours, under no name of ours, that says the same to the same contact. */
  echoOf(live: Live): Echo | undefined {
    const { request } = live.entry
    const attempt = lastAttempt(live.entry)
    const said = request.data.content.text
    if (!attempt || said === undefined) return undefined
    const alike = this.inStream(request.streamId).filter(
      (other) => other.entry.request.data.content.text === said && other.entry.sentAt === undefined,
    )
    const echoes = [...this.#unnamed.values()]
      .flat()
      .filter(
        (event): event is Echo =>
          event.type === 'message.sent' &&
          event.streamId === request.streamId &&
          event.data.origin === 'api' &&
          event.data.content?.text === said &&
          Date.parse(event.occurredAt) >= attempt.startedAt - CLOCKS_APART_MS,
      )
    // Two that say the same could be mistaken for each other.
    return alike.length === 1 && echoes.length === 1 ? echoes[0] : undefined
  }

  forget(live: Live): void {
    const { messageId, streamId } = live.entry.request
    this.#lives.delete(messageId)
    const stream = this.#streams.get(streamId)?.filter((other) => other !== live) ?? []
    if (stream.length > 0) this.#streams.set(streamId, stream)
    else this.#streams.delete(streamId)
  }

  /**
   * The last position before which all is done with; the log need not be read from before it again. With `olderThan`, what was recorded
   * later is to be read again too.
   */
  settledBefore(read: Position | undefined, olderThan: number | undefined): Position | undefined {
    const candidates = [read, ...this.all().map(({ before }) => before)]
    if (olderThan !== undefined) candidates.push(this.#minutes.findLast(({ recordedAt }) => recordedAt <= olderThan)?.position)
    if (candidates.includes(undefined)) return undefined
    return (candidates as Position[]).sort()[0]
  }

  #open(event: Request, before: Position | undefined): readonly Live[] {
    const { messageId, streamId } = event
    if (this.#lives.has(messageId)) return []
    const live: Live = {
      entry: newEntry(event),
      transportId: event.data.transport ?? event.provider,
      before,
      running: false,
      queued: false,
      optedOut: false,
      heldUntil: 0,
      reconciliations: 0,
    }
    this.#lives.set(messageId, live)
    const stream = this.#streams.get(streamId)
    if (stream) stream.push(live)
    else this.#streams.set(streamId, [live])
    return [live]
  }

  #namedIn(event: RecordedEvent): Live | undefined {
    const own = event.messageId === undefined ? undefined : this.#lives.get(event.messageId)
    const name = providerName(event)
    return own ?? (name === undefined ? undefined : this.#lives.get(this.#receipts.get(name) ?? ''))
  }

  #keepUnnamed(event: RecordedEvent): readonly Live[] {
    const name = providerName(event)
    if (name === undefined || this.#lives.size === 0 || this.#receipts.has(name)) return []
    const known = this.#unnamed.get(name)
    if (known) known.push(event)
    else this.#unnamed.set(name, [event])
    if (this.#unnamed.size > MAX_UNNAMED) this.#unnamed.delete(this.#unnamed.keys().next().value as string)
    return event.type === 'message.sent' ? this.inStream(event.streamId).filter((live) => !live.running) : []
  }

  /** Which of the provider's is which of ours; what came under the provider's name before is entered now. */
  #learn(live: Live, event: RecordedEvent): void {
    const name = providerName(event) as string
    this.#receipts.set(name, live.entry.request.messageId)
    if (this.#receipts.size > MAX_UNNAMED) this.#receipts.delete(this.#receipts.keys().next().value as string)
    const early = this.#unnamed.get(name) ?? []
    this.#unnamed.delete(name)
    for (const fact of early) enterFact(live.entry, fact)
  }

  #mark({ recordedAt, position }: RecordedEvent): void {
    const at = Date.parse(recordedAt)
    const last = this.#minutes.at(-1)
    if (!last || at - last.recordedAt >= 60_000) this.#minutes.push({ recordedAt: at, position })
    if (this.#minutes.length > MAX_MINUTES) this.#minutes.shift()
  }
}

/** A day: no provider's limit looks further back. */
const MAX_MINUTES = 1_441
/** How far the provider's clock may be behind ours. */
const CLOCKS_APART_MS = 10_000

function providerName({ provider, providerMessageId }: RecordedEvent): string | undefined {
  return providerMessageId === undefined ? undefined : `${provider}:${providerMessageId}`
}
