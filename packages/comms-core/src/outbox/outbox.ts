import { feedOfLog } from '../consumers/log-feed.ts'
import { memoryCheckpointStore } from '../consumers/memory-checkpoint-store.ts'
import { CommsError, isCommsError } from '../errors.ts'
import type { EventFact } from '../events/message-event.ts'
import { createEvent, type Position, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import { backOffMs, timeLimit, timerSleep } from '../pause.ts'
import type { OutboundMessage, SendReceipt, Transport } from '../transport/transport.ts'
import { nextStep, type Step } from './next-step.ts'
import { fallbackOf, lastAttempt, type OutboxEntry } from './outbox-entry.ts'
import { attemptedFact, deferredFact, failedFact, failureOf, fallbackFact, optedOutFact, sentFact, uncertainFact } from './outbox-facts.ts'
import { type LaneState, OutboxLane } from './outbox-lane.ts'
import { type Live, OutboxMemory } from './outbox-memory.ts'
import type { OutboxOptions, OutboxProblem } from './outbox-options.ts'
import { WakeTimes } from './wake-times.ts'

const CHECKPOINT_ID = 'outbox'
const SAVE_EVERY_MS = 5_000
const LONGEST_RECONCILE_MS = 300_000
/** After the log refused a claim. */
const HOLD_MS = 1_000
const RECORD_RETRY = { firstMs: 200, maxMs: 10_000 }

/** For metrics. */
export interface OutboxState {
  /** Messages that are not done with: waiting, under way, or of unknown outcome. */
  readonly unsettled: number
  readonly lanes: Readonly<Record<string, LaneState>>
}

/**
 * Sends what the log says is to be sent. It knows nothing but the log: what it does it records, and what any instance records it sees.
 * Of several instances on one log, the one whose claim of an attempt was recorded makes that attempt.
 */
export class Outbox {
  readonly #options: OutboxOptions & Required<Pick<OutboxOptions, 'sleep' | 'random' | 'concurrency' | 'attemptTimeoutMs'>>
  readonly #limits: { readonly giveUpAfterMs: number }
  readonly #instance: string
  readonly #memory = new OutboxMemory()
  readonly #lanes: ReadonlyMap<string, OutboxLane<Live>>
  readonly #wakes: WakeTimes<Live | OutboxLane<Live>>
  readonly #stopping = new AbortController()
  readonly #aborting = new AbortController()
  readonly #underWay = new Set<Promise<void>>()
  #wakeFeed: () => void = () => {}
  #feeding: Promise<void> | undefined

  constructor(options: OutboxOptions) {
    const { sleep = timerSleep, random = Math.random, concurrency = 32, attemptTimeoutMs = 60_000 } = options
    this.#options = { ...options, sleep, random, concurrency, attemptTimeoutMs }
    this.#limits = { giveUpAfterMs: options.giveUpAfterMs ?? 86_400_000 }
    this.#instance = options.instance ?? options.ids.next()
    this.#lanes = new Map(
      options.transports.map((transport) => [transport.id, new OutboxLane<Live>(transport, { concurrency, clock: options.clock })]),
    )
    this.#wakes = new WakeTimes({
      clock: options.clock,
      sleep,
      wake: (items) => {
        for (const item of items) if (item instanceof OutboxLane) this.#pump(item)
        for (const item of items) if (!(item instanceof OutboxLane)) this.#evaluate(item)
      },
    })
  }

  /** Begins to read the log and to send. */
  start(): void {
    this.#feeding ??= this.#feed()
  }

  /** Something was recorded by this process: the log is read on at once. */
  wake(): void {
    this.#wakeFeed()
  }

  state(): OutboxState {
    return { unsettled: this.#memory.size, lanes: Object.fromEntries([...this.#lanes].map(([id, lane]) => [id, lane.state()])) }
  }

  /** Begins no other attempt and waits for those under way; with `abort`, these are broken off and end as uncertain. */
  async stop({ abort = false }: { readonly abort?: boolean } = {}): Promise<void> {
    this.#stopping.abort()
    if (abort) this.#aborting.abort()
    this.#wakes.stop()
    await this.#feeding
    await Promise.all(this.#underWay)
  }

  /** What the log tells, in its order. */
  #read(event: RecordedEvent, before: Position | undefined): void {
    const { concerned, attempted } = this.#memory.read(event, before)
    if (attempted) this.#laneOf(event)?.noteAttempt(Date.parse(event.occurredAt))
    for (const live of concerned) this.#evaluate(live)
  }

  #laneOf(event: Pick<RecordedEvent, 'provider' | 'account'>): OutboxLane<Live> | undefined {
    return [...this.#lanes.values()].find(
      ({ transport }) => (transport.provider ?? transport.id) === event.provider && transport.account === event.account,
    )
  }

  async #feed(): Promise<void> {
    const { store, checkpoints = memoryCheckpointStore(), clock, logger, pollMs = 1000, sleep, random } = this.#options
    const { signal } = this.#stopping
    const retry = async (what: string, error: unknown, tries: number) => {
      logger.warn(`Outbox: ${what}, trying again`, { error: text(error) })
      await sleep(backOffMs(tries, RECORD_RETRY, random), signal)
    }
    let after: Position | undefined
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        after = await checkpoints.load(CHECKPOINT_ID)
        break
      } catch (error) {
        await retry('the checkpoint cannot be loaded', error, tries)
      }
    }
    const memoryMs = Math.max(0, ...[...this.#lanes.values()].map((lane) => lane.memoryMs))
    let position = after
    let savedAt = clock.now()
    let caughtUp = false
    const save = async () => {
      const mark = this.#memory.settledBefore(position, memoryMs > 0 ? clock.now() - memoryMs : undefined)
      if (mark !== undefined) await checkpoints.save(CHECKPOINT_ID, mark)
    }
    const events = feedOfLog({
      store,
      after,
      pollMs,
      sleep,
      signal,
      wakeUp: ({ signal: round }) =>
        new Promise((resolve) => {
          this.#wakeFeed = resolve
          round.addEventListener('abort', () => resolve())
        }),
      // What an earlier run left is looked at only when all that became of it is known.
      onCaughtUp: async () => {
        if (!caughtUp) {
          caughtUp = true
          this.#memory.ready = true
          for (const live of this.#memory.all()) this.#evaluate(live)
        }
        if (clock.now() - savedAt < SAVE_EVERY_MS) return
        savedAt = clock.now()
        await save().catch((error) => logger.warn('Outbox: the checkpoint cannot be saved', { error: text(error) }))
      },
      onReadFailed: (error, tries) => retry('the log cannot be read', error, tries),
    })
    for await (const event of events) {
      this.#read(event, position)
      position = event.position
    }
    await save().catch(() => undefined)
  }

  /** Does what is next for a message, and lets the next of its contact through when it holds nobody up any more. */
  #evaluate(live: Live): void {
    if (!this.#memory.ready || this.#stopping.signal.aborted || live.running || !this.#memory.has(live)) return
    if (!this.#lanes.has(live.transportId)) {
      this.#options.logger.error(`Outbox: ${live.entry.request.messageId} waits for a transport ${live.transportId}, and there is none`)
      return
    }
    const step = this.#stepOf(live)
    switch (step.kind) {
      case 'done':
        this.#forget(live)
        return
      case 'wait':
        this.#wakes.at(step.until, live)
        break
      case 'attempt':
        break
      case 'reconcile':
        this.#settleOrWait(live, step.number)
        break
      default:
        this.#run(live, () => this.#take(live, step.kind, step.kind === 'doubt' ? step.number : 0))
    }
    this.#advance(live.entry.request.streamId)
  }

  #stepOf(live: Live): Step {
    const now = this.#options.clock.now()
    const step = nextStep(live.entry, now, this.#limits)
    if (live.optedOut && isBeforeAttempt(live, step)) return { kind: 'expire' }
    return step.kind === 'attempt' && now < live.heldUntil ? { kind: 'wait', until: live.heldUntil, holds: true } : step
  }

  /** Of each contact one message at a time, in the order of the requests. */
  #advance(streamId: string): void {
    for (const live of this.#memory.inStream(streamId)) {
      if (live.running || live.queued) return
      const step = this.#stepOf(live)
      if (step.kind === 'attempt') {
        const lane = this.#lanes.get(live.transportId)
        if (!lane) return
        live.queued = true
        lane.add(live)
        this.#pump(lane)
        return
      }
      if (step.kind === 'wait' && step.holds) return
    }
  }

  #pump(lane: OutboxLane<Live>): void {
    if (this.#stopping.signal.aborted) return
    for (let live = lane.take(); live; live = lane.take()) {
      const next = live
      next.queued = false
      const step = this.#stepOf(next)
      if (step.kind === 'attempt') {
        // Counted before it is made: others that are taken meanwhile must see it.
        lane.noteAttempt(this.#options.clock.now())
        this.#memory.noteOwnAttempt(next.entry.request.messageId, step.number)
      }
      if (step.kind !== 'attempt' || !this.#memory.has(next)) {
        lane.end()
        lane.breaker.skip()
        this.#evaluate(next)
        continue
      }
      this.#run(next, async () => {
        try {
          await this.#attempt(next, lane, step.number)
        } finally {
          lane.end()
          this.#pump(lane)
        }
      })
    }
    if (!lane.isHeldBack()) return
    const freeAt = lane.freeAt()
    if (Number.isFinite(freeAt)) this.#wakes.at(freeAt, lane)
  }

  #run(live: Live, work: () => Promise<void>): void {
    live.running = true
    const running = work()
      .catch((error) => this.#options.logger.error(`Outbox: ${live.entry.request.messageId}: ${text(error)}`))
      .then(() => {
        live.running = false
        this.#underWay.delete(running)
        this.#evaluate(live)
        this.#advance(live.entry.request.streamId)
      })
    this.#underWay.add(running)
  }

  async #attempt(live: Live, lane: OutboxLane<Live>, number: number): Promise<void> {
    const { transport, breaker } = lane
    const { clock, attemptTimeoutMs } = this.#options
    const { entry } = live
    const now = clock.now()
    const deadline = now + attemptTimeoutMs
    const claim = await this.#record([attemptedFact(entry, transport, { number, by: this.#instance, now, deadline })])
    if (!claim) live.heldUntil = clock.now() + HOLD_MS
    // Another instance has this attempt, or the log cannot be written: nothing was sent.
    if (!claim || claim.some(({ repeated }) => repeated)) return breaker.skip()

    const remainingMs = deadline - clock.now()
    const limit = timeLimit(remainingMs, this.#options.sleep)
    let receipt: SendReceipt
    try {
      if (remainingMs <= 0) throw new CommsError('send_unavailable', `${transport.id}: the claim was recorded after its deadline`)
      const signal = AbortSignal.any([limit.signal, this.#aborting.signal])
      receipt = await transport.send(this.#outbound(entry), { signal })
    } catch (error) {
      await this.#recordFailure(live, lane, number, error)
      return
    } finally {
      limit.end()
    }
    breaker.succeed()
    await this.#recordForSure([sentFact(entry, transport, receipt, { number, now: clock.now() })])
  }

  async #recordFailure(live: Live, { transport, breaker }: OutboxLane<Live>, number: number, error: unknown): Promise<void> {
    const { clock, random, firstRetryMs = 2_000, maxRetryMs = 600_000 } = this.#options
    const { entry } = live
    const now = clock.now()
    const waitMs = backOffMs(number, { firstMs: firstRetryMs, maxMs: maxRetryMs }, random)
    if (isCommsError(error, 'send_rejected')) {
      breaker.succeed()
      const facts = [failedFact(entry, transport, { number, now, error: failureOf(error, 'provider') })]
      if (error.optedOut) {
        const { providerCode } = error
        facts.push(optedOutFact(entry, transport, { number, now, ...(providerCode === undefined ? {} : { providerCode }) }))
      }
      await this.#recordForSure(facts)
      this.#tell({ kind: 'failed', live, reason: error.message })
    } else if (isCommsError(error, 'send_unavailable')) {
      breaker.fail()
      const until = now + Math.max(waitMs, error.retryAfterMs ?? 0)
      await this.#recordForSure([deferredFact(entry, transport, { number, now, until, error: failureOf(error, 'provider') })])
    } else if (isCommsError(error, 'transport_misconfigured')) {
      breaker.fail(true)
      this.#tell({ kind: 'misconfigured', live, reason: error.message })
      await this.#recordForSure([
        deferredFact(entry, transport, { number, now, until: now + waitMs, error: failureOf(error, 'configuration') }),
      ])
    } else {
      breaker.fail()
      const reason = isCommsError(error) ? error.message : `${transport.id}: send threw something other than a CommsError`
      await this.#recordForSure([uncertainFact(entry, transport, { number, now, reason })])
    }
  }

  /** What is to be done besides attempts and asking. */
  async #take(live: Live, kind: 'doubt' | 'expire' | 'fall-back', number: number): Promise<void> {
    const { entry, optedOut } = live
    const { transport } = this.#lanes.get(live.transportId) as OutboxLane<Live>
    const now = this.#options.clock.now()
    if (kind === 'fall-back') return this.#fallBack(live)
    if (kind === 'doubt') {
      const reason = 'no outcome was recorded before the deadline'
      return this.#recordForSure([uncertainFact(entry, transport, { number, now, reason })])
    }
    const error = optedOut ? OPTED_OUT : EXPIRED
    await this.#recordForSure([failedFact(entry, transport, { now, error })])
    this.#tell({ kind: 'failed', live, reason: error.text })
  }

  async #fallBack(live: Live): Promise<void> {
    const { clock, transports } = this.#options
    const step = fallbackOf(live.entry)
    const next = transports.find(({ id, channel }) => (step?.transport === undefined ? channel === step?.channel : id === step.transport))
    if (!next) {
      this.#tell({ kind: 'failed', live, reason: `no transport for the fallback over ${step?.channel}` })
      this.#forget(live)
      return
    }
    const request = fallbackFact(live.entry, next, clock.now())
    await this.#recordForSure([request])
    this.#forget(live)
  }

  /** An outcome that is unknown: an echo settles it, otherwise the provider is asked, more and more patiently. */
  #settleOrWait(live: Live, number: number): void {
    const { transport } = this.#lanes.get(live.transportId) as OutboxLane<Live>
    const echo = this.#memory.echoOf(live)
    if (echo?.providerMessageId !== undefined) {
      const { providerMessageId, occurredAt } = echo
      const known = { number, now: this.#options.clock.now(), settledBy: 'echo' } as const
      this.#run(live, () => this.#recordForSure([sentFact(live.entry, transport, { providerMessageId, occurredAt }, known)]))
      return
    }
    const { random, clock, firstReconcileMs = 2_000 } = this.#options
    const wait = backOffMs(live.reconciliations + 1, { firstMs: firstReconcileMs, maxMs: LONGEST_RECONCILE_MS }, random)
    live.reconcileAt ??= clock.now() + wait
    const at = Math.min(live.reconcileAt, this.#patienceWith(live))
    if (clock.now() < at) this.#wakes.at(at, live)
    else this.#run(live, () => this.#reconcile(live, transport, number))
  }

  /** Until when the provider is asked. */
  #patienceWith({ entry }: Live): number {
    const { reportUncertainAfterMs = 86_400_000, resendUncertainAfterMs = 120_000 } = this.#options
    const { uncertainSince = 0 } = lastAttempt(entry) ?? {}
    const resend = entry.request.data.onUncertain === 'resend'
    return uncertainSince + (resend ? Math.min(resendUncertainAfterMs, reportUncertainAfterMs) : reportUncertainAfterMs)
  }

  async #reconcile(live: Live, transport: Transport, number: number): Promise<void> {
    const { entry } = live
    const answer = await this.#ask(entry, transport, lastAttempt(entry)?.startedAt ?? 0)
    const now = this.#options.clock.now()
    const atEnd = now >= this.#patienceWith(live)
    live.reconciliations += 1
    delete live.reconcileAt
    if (typeof answer === 'object') {
      await this.#recordForSure([sentFact(entry, transport, answer, { number, now, settledBy: 'reconciler' })])
    } else if (answer === 'not-sent' || (atEnd && entry.request.data.onUncertain === 'resend')) {
      await this.#recordForSure([
        deferredFact(entry, transport, { number, now, until: now, error: answer === 'not-sent' ? NOT_SENT : RESENT }),
      ])
    } else if (atEnd) {
      this.#tell({ kind: 'uncertain', live, reason: 'nobody can tell whether it was sent; nothing more is tried' })
      this.#forget(live)
    }
  }

  async #ask(entry: OutboxEntry, transport: Transport, startedAt: number): Promise<SendReceipt | 'not-sent' | 'unknown'> {
    if (!transport.reconciler) return 'unknown'
    const limit = timeLimit(this.#options.attemptTimeoutMs, this.#options.sleep)
    try {
      const signal = AbortSignal.any([limit.signal, this.#stopping.signal])
      return await transport.reconciler.reconcile(this.#outbound(entry), { attemptedAt: new Date(startedAt).toISOString(), signal })
    } catch (error) {
      this.#options.logger.warn(`${transport.id}: cannot be asked what became of ${entry.request.messageId}`, { error: text(error) })
      return 'unknown'
    } finally {
      limit.end()
    }
  }

  #outbound({ request }: OutboxEntry): OutboundMessage {
    const { openMedia } = this.#options
    const { content, replyToProviderMessageId, options } = request.data
    return {
      messageId: request.messageId,
      to: request.contact,
      content,
      ...(replyToProviderMessageId === undefined ? {} : { replyToProviderMessageId }),
      ...(options === undefined ? {} : { options }),
      ...(openMedia ? { openMedia } : {}),
    }
  }

  /** One try. Nothing when the log does not take it. */
  async #record(facts: readonly EventFact[]): Promise<readonly { event: RecordedEvent; repeated: boolean }[] | undefined> {
    try {
      const events = facts.map((fact) => createEvent(fact, this.#options))
      const results = await this.#options.store.append(events.map((event) => ({ streamId: streamIdOf(event), events: [event] })))
      const recorded = results.flatMap((result) => (result.status === 'recorded' ? result.events : []))
      for (const { event } of recorded) for (const live of this.#memory.enter(event)) this.#evaluate(live)
      return recorded
    } catch (error) {
      this.#options.logger.error('Outbox: the log cannot be written', { error: text(error) })
      if (isCommsError(error, 'event_invalid')) throw error
      return undefined
    }
  }

  /** What happened must be told: tries until the log takes it. What is lost at a stop is found out by asking the provider. */
  async #recordForSure(facts: readonly EventFact[]): Promise<void> {
    const { sleep, random } = this.#options
    for (let tries = 1; !(await this.#record(facts)); tries += 1) {
      if (this.#stopping.signal.aborted && tries > 3) return
      await sleep(backOffMs(tries, RECORD_RETRY, random), this.#aborting.signal)
    }
  }

  #forget(live: Live): void {
    this.#wakes.cancel(live)
    this.#memory.forget(live)
    this.#advance(live.entry.request.streamId)
  }

  #tell({ kind, live, reason }: { kind: OutboxProblem['kind']; live: Live; reason: string }): void {
    const { logger, onProblem } = this.#options
    const { messageId } = live.entry.request
    logger[kind === 'failed' ? 'warn' : 'error'](`Outbox: ${messageId} over ${live.transportId}: ${kind}: ${reason}`)
    try {
      onProblem?.({ kind, messageId, transport: live.transportId, reason })
    } catch (error) {
      logger.error('onProblem threw', { error: text(error) })
    }
  }
}

const EXPIRED = { code: 'expired', class: 'policy', text: 'It could not be sent in time' } as const
const OPTED_OUT = { code: 'opted_out', class: 'policy', text: 'The contact opted out before it was sent' } as const
const NOT_SENT = { code: 'not_sent', class: 'provider', text: 'The provider says that it was not sent' } as const
const RESENT = { code: 'resent', class: 'provider', text: 'Nobody can tell whether it was sent; sent once more, as requested' } as const

/** Whether nothing was sent and nothing is under way. */
function isBeforeAttempt({ entry }: Live, step: Step): boolean {
  const last = lastAttempt(entry)
  return entry.sentAt === undefined && (step.kind === 'attempt' || (step.kind === 'wait' && (!last || last.deferredUntil !== undefined)))
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
