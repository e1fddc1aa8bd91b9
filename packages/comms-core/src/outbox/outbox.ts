import type { RecordedEvent } from '../events/recorded-event.ts'
import { timerSleep } from '../pause.ts'
import type { Clock } from '../runtime.ts'
import type { Transport } from '../transport/transport.ts'
import { makeAttempt } from './attempt.ts'
import { ConsentReader } from './contact-consent.ts'
import { endUnsent, fallBack, isUnsent } from './endings.ts'
import { FeedMonitor, type FeedState } from './feed-state.ts'
import { recoverFacts } from './lost-facts.ts'
import { MissingTransports, missingTransport } from './missing-transports.ts'
import { endOf, nextStep, type Step } from './next-step.ts'
import { feedOutbox } from './outbox-feed.ts'
import { type LaneState, OutboxLane } from './outbox-lane.ts'
import { OutboxLog } from './outbox-log.ts'
import { type Live, OutboxMemory } from './outbox-memory.ts'
import type { OutboxOptions } from './outbox-options.ts'
import type { OutboxWork } from './outbox-work.ts'
import { pointToReports, recordName } from './point-to-reports.ts'
import { ReadingRounds } from './reading-rounds.ts'
import { asksAt, doubtAttempt, holdEnds, settleOutcome } from './settlement.ts'
import { WakeTimes } from './wake-times.ts'

/** After a step that could not be done, because the log could not be read or does not take it. */
const HOLD_MS = 1_000

/** How long messages that are done with wait, together, until the log is read past them. */
const LINGER_MS = 100

/** What is recorded within this time is read at once: reading costs more for its beginning than for its events. */
const GATHER_MS = 2

/** `check-consent`: the contact may have opted out since the request. */
type NextStep = Step | { readonly kind: 'check-consent' }

/** For metrics and health. */
export interface OutboxState extends FeedState {
  /** Messages that are not done with: waiting, under way, or of unknown outcome. */
  readonly unsettled: number
  readonly lanes: Readonly<Record<string, LaneState>>
  /** Messages that wait for a transport that is not configured, by its id. Empty when all is well. */
  readonly missingTransports: Readonly<Record<string, number>>
}

/**
 * Sends what the log says is to be sent. It knows nothing but the log: what it does it records, and what any instance records it sees.
 * Of several instances on one log, the one whose claim of an attempt was recorded makes that attempt.
 *
 * This class decides what is done when: of each contact one message at a time, in the order of the requests; of each transport a few at a
 * time. The steps themselves are functions beside it.
 */
export class Outbox {
  readonly #work: OutboxWork
  readonly #memory: OutboxMemory
  readonly #lanes: ReadonlyMap<string, OutboxLane<Live>>
  /** By the clock that says when. */
  readonly #wakes: { readonly [clock in keyof Clock]: WakeTimes<Live | OutboxLane<Live>> }
  readonly #stopping = new AbortController()
  readonly #aborting = new AbortController()
  /** Of these the log has told something that was not looked at yet. */
  readonly #told = new Set<Live>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #monitor: FeedMonitor
  readonly #missing = new MissingTransports()
  readonly #rounds = new ReadingRounds()
  #wakeFeed: () => void = () => {}
  #feeding: Promise<void> | undefined
  #readingOnSoon = false

  constructor(given: OutboxOptions) {
    const { clock, transports, sleep = timerSleep, random = Math.random, concurrency = 32, attemptTimeoutMs = 60_000 } = given
    const options = { ...given, sleep, random, attemptTimeoutMs }
    const [stopping, aborting] = [this.#stopping.signal, this.#aborting.signal]
    this.#memory = new OutboxMemory(clock)
    this.#monitor = new FeedMonitor(options)
    this.#work = {
      options,
      limits: { giveUpAfterMs: given.giveUpAfterMs ?? 86_400_000 },
      instance: given.instance ?? given.ids.next(),
      log: new OutboxLog(options, {
        onRecorded: (event) => {
          for (const live of this.#memory.enter(event)) this.#evaluate(live)
        },
        stopping,
        aborting,
      }),
      consents: new ConsentReader(given.store),
      readToEnd: () => {
        const read = this.#rounds.next(stopping)
        this.#wakeFeed()
        return read
      },
      stopping,
      aborting,
    }
    this.#lanes = new Map(transports.map((transport) => [transport.id, new OutboxLane<Live>(transport, { concurrency, clock, random })]))
    const wake = (items: readonly (Live | OutboxLane<Live>)[]) => {
      for (const item of items) if (item instanceof OutboxLane) this.#pump(item)
      // Those of one contact whose time comes together go in the order of their requests.
      const lives = items.filter((item): item is Live => !(item instanceof OutboxLane)).sort((a, b) => a.number - b.number)
      for (const live of lives) this.#evaluate(live)
    }
    this.#wakes = {
      now: new WakeTimes({ now: () => clock.now(), sleep, wake }),
      monotonic: new WakeTimes({ now: () => clock.monotonic(), sleep, wake }),
    }
  }

  /** Begins to read the log and to send. */
  start(): void {
    this.#feeding ??= feedOutbox({
      ...this.#work.options,
      memoryMs: Math.max(0, ...[...this.#lanes.values()].map((lane) => lane.memoryMs)),
      signal: this.#stopping.signal,
      monitor: this.#monitor,
      onBegin: () => this.#memory.beginAgain(),
      wakeUp: async (signal) => {
        this.#rounds.begin()
        await new Promise<void>((resolve) => {
          this.#wakeFeed = resolve
          signal.addEventListener('abort', () => resolve())
        })
        await this.#work.options.sleep(GATHER_MS, signal)
      },
      onEvent: (event, before) => {
        const { concerned, attempted } = this.#memory.read(event, before)
        if (event.type === 'message.requested' && concerned.length > 0) this.#work.log.atHand.keep(event)
        if (attempted)
          for (const lane of this.#lanes.values())
            if (lane.serves(event)) lane.noteAttempt(this.#memory.ready ? 0 : this.#work.options.clock.now() - Date.parse(event.occurredAt))
        for (const live of concerned) {
          // Of a long log most messages are done with: they are let go as it is read.
          const isDone = this.#stepOf(live).kind === 'done' && live.elsewhere.length === 0
          if (!this.#memory.ready && isDone && this.#memory.isReadPast(live)) this.#memory.forget(live)
          else this.#told.add(live)
        }
      },
      // Nothing is done about a message before all is known that the log says of it.
      onCaughtUp: () => {
        this.#memory.ready = true
        this.#rounds.end()
        const told = [...this.#told]
        this.#told.clear()
        for (const live of told) this.#evaluate(live)
      },
      settledBefore: (read) => this.#memory.settledBefore(read),
    })
  }

  /** This process has recorded something: the log is read on at once, unless it is what the outbox enters itself when it is answered. */
  heard(recorded: readonly RecordedEvent[]): void {
    if (recorded.some((event) => event.type === 'message.requested' || !this.#work.log.isRecording(event))) this.#wakeFeed()
  }

  state(): OutboxState {
    return {
      ...this.#monitor.state(),
      missingTransports: this.#missing.counts(),
      unsettled: this.#memory.size,
      lanes: Object.fromEntries([...this.#lanes].map(([id, lane]) => [id, lane.state()])),
    }
  }

  /** Begins no other attempt and waits for those under way; with `abort`, these are broken off and end as uncertain. */
  async stop({ abort = false }: { readonly abort?: boolean } = {}): Promise<void> {
    this.#stopping.abort()
    if (abort) this.#aborting.abort()
    this.#wakes.now.stop()
    this.#wakes.monotonic.stop()
    await this.#feeding
    await Promise.all(this.#underWay)
  }

  /** Does what is next for a message, and lets the next of its contact through when it holds nobody up any more. */
  #evaluate(live: Live): void {
    if (!this.#memory.ready || this.#stopping.signal.aborted || live.running || !this.#memory.has(live)) return
    const lane = this.#lanes.get(live.transportId)
    const transport = lane?.transport ?? missingTransport(live)
    const { streamId } = live.entry.request
    const step = this.#stepOf(live)
    if (live.lostFacts && step.kind !== 'done') {
      const lives = this.#memory.withLostFacts()
      const recovered = recoverFacts(lives, this.#work)
      for (const each of lives) this.#run(each, () => recovered)
      return
    }
    if (live.elsewhere.length > 0) this.#pointToReports(live)
    const line = this.#memory.line(streamId)
    if (this.#holds(live, step, transport)) line?.add(live)
    else line?.remove(live)
    if (!lane && step.kind === 'attempt') {
      // Those of the contact over other transports do not wait behind it.
      line?.remove(live)
      this.#missing.note(live, this.#work)
      const end = endOf(live.entry, this.#work.limits)
      this.#wakes[end.by].at(end.at, live)
      this.#advance(streamId)
      return
    }
    switch (step.kind) {
      case 'done':
        if (live.providerMessageId !== undefined && !live.isKeyed) {
          this.#run(live, () => recordName(live, transport, this.#work))
          break
        }
        if (this.#memory.isReadPast(live) && live.elsewhere.length === 0) {
          this.#forget(live)
          return
        }
        this.#readOnSoon()
        break
      case 'wait':
        this.#wakes[step.by].at(step.until, live)
        break
      case 'attempt':
        break
      case 'check-consent':
      case 'expire':
        this.#run(live, () => endUnsent(live, transport, this.#work))
        break
      case 'fall-back':
        this.#run(live, async () => {
          if (await fallBack(live, this.#work)) this.#forget(live)
        })
        break
      case 'doubt':
        this.#run(live, () => doubtAttempt(live, transport, step.number, this.#work))
        break
      case 'reconcile':
        this.#settle(live, transport)
    }
    this.#advance(streamId)
  }

  #stepOf(live: Live): NextStep {
    const { clock } = this.#work.options
    const step = nextStep(live.entry, clock, this.#work.limits)
    if (clock.monotonic() < live.heldUntil && step.kind !== 'done') {
      return { kind: 'wait', until: live.heldUntil, by: 'monotonic', holds: true }
    }
    // What waits for its time fails when its contact opts out, and not later.
    return live.consentChanged && isUnsent(live.entry, step) ? { kind: 'check-consent' } : step
  }

  /** Whether later messages of the contact wait behind this one. */
  #holds(live: Live, step: NextStep, transport: Transport): boolean {
    if (step.kind === 'wait') return step.holds
    if (step.kind === 'reconcile') return this.#work.options.clock.monotonic() < holdEnds(live, transport, this.#work)
    return step.kind === 'attempt' || step.kind === 'check-consent' || step.kind === 'doubt'
  }

  /** Lets the first in the contact's line through to the lane of its transport. */
  #advance(streamId: string): void {
    const first = this.#memory.line(streamId)?.first()
    if (!first || first.running || first.queued || this.#stepOf(first).kind !== 'attempt') return
    const lane = this.#lanes.get(first.transportId)
    if (!lane) return
    first.queued = true
    lane.add(first)
    this.#pump(lane)
  }

  #pump(lane: OutboxLane<Live>): void {
    if (this.#stopping.signal.aborted) return
    for (let live = lane.take(); live; live = lane.take()) {
      const next = live
      next.queued = false
      const step = this.#stepOf(next)
      if (step.kind !== 'attempt' || !this.#memory.has(next)) {
        lane.end()
        lane.breaker.skipped()
        this.#evaluate(next)
        continue
      }
      // Counted before it is made: others that are taken meanwhile must see it.
      lane.noteAttempt(0)
      this.#memory.noteOwnAttempt(next.entry.request.messageId, step.number)
      let ended = false
      const end = () => {
        if (ended) return
        ended = true
        lane.end()
        this.#pump(lane)
      }
      // The provider is free for the next message while what it said is recorded.
      this.#run(next, () =>
        makeAttempt(next, lane, { number: step.number, onAnswered: end, onCallEnded: () => this.#pump(lane) }, this.#work).finally(end),
      )
    }
    if (!lane.isHeldBack()) return
    const freeAt = lane.freeAt()
    if (!Number.isFinite(freeAt)) return
    this.#wakes.monotonic.at(freeAt, lane)
    if (!lane.isNews(freeAt)) return
    const { ready, heldUntil, paused } = lane.state()
    const why = paused ? 'the provider is left alone after failures' : 'a limit of the provider'
    this.#work.options.logger.info(`Outbox: ${ready} messages over ${lane.transport.id} wait until ${heldUntil}: ${why}`)
  }

  #run(live: Live, work: () => Promise<void>): void {
    live.running = true
    const running = work()
      .catch((error) => {
        const { logger, clock } = this.#work.options
        logger.error(`Outbox: ${live.entry.request.messageId}: ${error instanceof Error ? error.message : String(error)}`)
        live.heldUntil = clock.monotonic() + HOLD_MS
      })
      .then(() => {
        live.running = false
        this.#underWay.delete(running)
        this.#evaluate(live)
        this.#advance(live.entry.request.streamId)
      })
    this.#underWay.add(running)
  }

  #pointToReports(live: Live): void {
    if (live.pointing) return
    live.pointing = true
    const pointing = pointToReports(live, this.#work)
      .catch((error) => this.#work.options.logger.error(`Outbox: ${live.entry.request.messageId}: a report cannot be pointed to: ${error}`))
      .then(() => {
        live.pointing = false
        this.#underWay.delete(pointing)
        this.#evaluate(live)
      })
    this.#underWay.add(pointing)
  }

  /** What this process recorded itself does not wake the feed; messages that linger wait for it. */
  #readOnSoon(): void {
    if (this.#readingOnSoon) return
    this.#readingOnSoon = true
    void this.#work.options.sleep(LINGER_MS, this.#stopping.signal).then(() => {
      this.#readingOnSoon = false
      this.#wakeFeed()
    })
  }

  #settle(live: Live, transport: Transport): void {
    const at = asksAt(live, this.#work)
    const now = this.#work.options.clock.monotonic()
    if (!live.echoed && now < at) {
      const held = holdEnds(live, transport, this.#work)
      this.#wakes.monotonic.at(now < held ? Math.min(at, held) : at, live)
      return
    }
    this.#run(live, async () => {
      if ((await settleOutcome(live, transport, this.#work)) === 'given-up') this.#forget(live)
    })
  }

  #forget(live: Live): void {
    this.#wakes.now.cancel(live)
    this.#wakes.monotonic.cancel(live)
    this.#work.log.atHand.take(live.entry.request.messageId)
    this.#missing.forget(live)
    this.#memory.forget(live)
    this.#advance(live.entry.request.streamId)
  }
}
