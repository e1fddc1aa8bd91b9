import { checkOf, optionsObject } from './check-options.ts'
import {
  checkCorrelate,
  checkLink,
  checkListOptions,
  checkMessageId,
  checkRecording,
  checkSendRequest,
  checkSendWaiting,
  checkSignalOnly,
  checkStreamId,
  checkTimeline,
  checkUncorrelate,
  checkUnlink,
} from './comms-arguments.ts'
import { commsShape, pendingBodyBytes, transportsById } from './comms-options.ts'
import { consoleLogger } from './console-logger.ts'
import { type Conversation, conversationOf, conversations } from './consumers/conversation.ts'
import { type ConversationSummary, conversationList, conversationsByContact } from './consumers/conversation-list.ts'
import { liveProjection } from './consumers/live-projection.ts'
import { project } from './consumers/projection.ts'
import { CommsError } from './errors.ts'
import type { ContactAddress } from './events/contact-address.ts'
import type { EventFact, LeadMatch, MessageEventOf, NewEvent } from './events/message-event.ts'
import { createEvent, type RecordedEvent } from './events/recorded-event.ts'
import { correlateByHand, type DecisionOptions, linkByHand, uncorrelateByHand } from './leads/by-hand.ts'
import { contactNamed, streamNamed } from './leads/contact-named.ts'
import { LeadBook } from './leads/lead-book.ts'
import { LeadCorrelator } from './leads/lead-correlator.ts'
import type { LeadOptions, LeadState } from './leads/lead-options.ts'
import { contactsOf, type LeadRef, leadsLike, personOf, streamsOf } from './leads/lead-ties.ts'
import { leadWebhookHandler } from './leads/lead-webhooks.ts'
import { mergeStreams } from './leads/timeline.ts'
import { ConsentReader } from './outbox/contact-consent.ts'
import { LogGrowth } from './outbox/log-growth.ts'
import { type MessageReport, reportMessage } from './outbox/message-report.ts'
import { Outbox, type OutboxState } from './outbox/outbox.ts'
import type { OutboxSettings } from './outbox/outbox-options.ts'
import { type MessageStatus, recordRequest, type SendRequest } from './outbox/send.ts'
import { watchForStart } from './outbox/start-watch.ts'
import { currentStatus, waitForMessage } from './outbox/wait-for-message.ts'
import { type Sleep, timeLimit, timerSleep } from './pause.ts'
import { type Clock, type IdSource, type Logger, systemClock, uuidSource } from './runtime.ts'
import type { EventStore } from './store/event-store.ts'
import type { Spool } from './store/spool.ts'
import { Arrivals } from './transport/arrivals.ts'
import { attachReports, pointersAfter } from './transport/attach-reports.ts'
import { BodyBudget } from './transport/body-budget.ts'
import { type InboxPump, startInboxPump } from './transport/inbox-pump.ts'
import { appendRequests } from './transport/ingest.ts'
import { POLLED, requestFromQuarantine } from './transport/quarantine.ts'
import { type RecordOptions, type RecordReport, recordFacts } from './transport/record-facts.ts'
import { spoolDrainer } from './transport/spool-drainer.ts'
import type { Transport } from './transport/transport.ts'
import { WarningLog } from './transport/warning-log.ts'
import { type WebhookReport, webhookHandler } from './transport/webhook-handler.ts'
import { expectRequest, type RequestOrigin } from './transport/webhook-request.ts'
import { pathKey } from './transport/webhook-routes.ts'
import { withinTime } from './within-time.ts'

/** Longer than a store takes that works: the event cache gives a write up after 5 seconds. */
const SEND_TIMEOUT_MS = 10_000

/** How long `close` waits for transports to let go of what they keep, in milliseconds. */
const TRANSPORT_CLOSE_MS = 10_000

export interface CommsOptions {
  /** Where events are kept. Closed by `comms.close()`. */
  readonly store: EventStore
  /**
   * Where webhooks wait while the store is away (`store_unavailable`) or does not answer within `ingestTimeoutMs`, still answered with
   * success. On another disk than the store. Closed by `comms.close()`.
   * @default none: such webhooks are answered 503, and the provider sends them again
   */
  readonly spool?: Spool
  /**
   * How long a webhook waits for the store, in milliseconds; then it goes to the spool and is answered with success, or is answered 503
   * without a spool. The append goes on, and what it records late makes the copy in the spool a repeat. Providers give up after 10
   * to 180 seconds. @default 3000
   */
  readonly ingestTimeoutMs?: number
  /** The ways in and out. @default none */
  readonly transports?: readonly Transport[]
  /** ISO country whose national phone numbers `send` understands, such as `FR`. @default none: numbers must be international */
  readonly defaultRegion?: string
  /** How messages are sent. */
  readonly outbox?: OutboxSettings
  /** Whose messages these are. @default none: ties are made by hand only */
  readonly leads?: LeadOptions
  /** The largest webhook body taken, in bytes. Providers send kilobytes; what is larger is a mistake or an attack. @default 1048576 (1 MiB) */
  readonly maxBodyBytes?: number
  /**
   * The most bytes of webhook bodies held at once, from their first byte until they are answered. When there are more, the longest body
   * that is still being read is answered 503, to be sent again. @default 67108864 (64 MiB), or four bodies of `maxBodyBytes`
   */
  readonly maxPendingBodyBytes?: number
  /** Told of every webhook after it is answered for, for logs and metrics. What it throws is logged and changes nothing. */
  readonly onWebhook?: (report: WebhookReport) => void
  /** @default warnings and errors go to the console; `silentLogger` drops them */
  readonly logger?: Logger
  /** @default the system's clock */
  readonly clock?: Clock
  /** @default UUIDv7 */
  readonly ids?: IdSource
  /** Waits, by the time of `clock`. @default a timer */
  readonly sleep?: Sleep
  /** A number from 0 up to 1, for the jitter of the outbox's waits. @default Math.random */
  readonly random?: () => number
}

/** Each method throws CommsError `request_invalid`, naming each argument that is missing, wrong or unknown. */
export interface Comms {
  /**
   * Answers a webhook: verified, parsed, recorded, and then its success answer. Never throws. Understands a Web `Request` whose body was
   * not read before, as Hono, Bun, Deno and `@hono/node-server` have it; `origin` is for transports that look at the address a request came
   * from. 400/415 no whole body; 401/403 not verified; 404/405 no such webhook; 413 too large; 503 store away, or too much under way; 500
   * not a `Request`.
   */
  handle(request: Request, origin?: RequestOrigin): Promise<Response>
  /**
   * Parses every quarantined webhook again, after the transport learned to understand it, and records what it says now. Safe to
   * repeat: facts already recorded are not recorded again.
   */
  reparseQuarantined(options?: { readonly signal?: AbortSignal }): Promise<ReparseReport>
  /**
   * Records facts of transports that came in another way than by a webhook: from a recovery or an import. Each gets its lead as a webhook
   * does. Safe to repeat: facts already recorded are not recorded again. A fact that breaks the schema is set aside and reported.
   * @throws CommsError `store_unavailable` and the like, and what `facts` throws; the facts before it are recorded then.
   * @example
   * await comms.record(twilio.recoverInbound({ since }))
   */
  record(facts: Iterable<EventFact> | AsyncIterable<EventFact>, options?: RecordOptions): Promise<RecordReport>
  /**
   * Records that a message is to be sent; the outbox sends it, after `start`. Resolves when the request is durable; with `waitFor` when
   * the message has got that far or failed, or at the latest after `timeoutMs` (30 seconds), with how far it got by then.
   * @throws CommsError `configuration_invalid` for `waitFor` before `start()`: the message would wait, and so would the caller.
   * @throws CommsError before anything is recorded: `send_rejected` when it can never be sent so or the contact has opted out (see
   * `failure`), `address_invalid`, `event_invalid`, `request_invalid`; `store_unavailable` and the like, after 10 seconds at the latest.
   * After `store_unavailable` the request may have been recorded all the same, and is sent then: with an `idempotencyKey` the call is
   * safely repeated.
   */
  send(request: SendRequest, options?: SendWaiting): Promise<MessageStatus>
  /** What the log says of a message of ours, by its `messageId`; nothing for an unknown one. */
  message(messageId: string): Promise<MessageReport | undefined>
  /**
   * Who talks with us, the newest conversation first. The first call reads the whole log; later ones what was recorded since.
   * @param options.limit how many at most; @default 50
   */
  conversations(options?: { readonly limit?: number }): Promise<readonly ConversationSummary[]>
  /** What was said in one stream, such as `whatsapp:+33639980001`; the address in any spelling. Empty for an unknown one. */
  conversation(streamId: string): Promise<Conversation>
  /** For metrics. */
  outboxState(): OutboxState
  /**
   * The history of a lead, or of a contact with all addresses it is linked with: every event of their streams, in the order of the log.
   * A tie found or undone later changes what is shown, and nothing in the log. A contact may be given as text in any spelling, as `send`
   * takes it; a lead by its `id`, with `directory` and `type` where these are needed to tell it from others.
   */
  timeline(
    of: string | ContactAddress | (Pick<LeadRef, 'id'> & Partial<LeadRef>),
    options?: { readonly signal?: AbortSignal },
  ): AsyncIterable<RecordedEvent>
  /** Ties a contact to a lead by hand. It holds against every rule until it is undone. */
  correlate(contact: string | ContactAddress, lead: LeadRef & Pick<LeadMatch, 'name'>, options: DecisionOptions): Promise<void>
  /** Undoes a tie, found or made by hand: what held before holds again. No rule makes it again, only {@link correlate}. */
  uncorrelate(contact: string | ContactAddress, lead: LeadRef, options: DecisionOptions & { readonly reason?: string }): Promise<void>
  /** Says that two addresses are one person, such as a WhatsApp privacy id and a phone number. */
  link(contact: string | ContactAddress, other: string | ContactAddress, options: DecisionOptions): Promise<void>
  /** Takes a link back. */
  unlink(contact: string | ContactAddress, other: string | ContactAddress, options: DecisionOptions): Promise<void>
  /** How many contacts have a lead, and how the directory does. Absent without `leads`. */
  readonly leadState?: () => LeadState
  /**
   * Begins the work in the background: sending, finding the leads that were not known in time, reading the inboxes of transports that
   * have one, draining what an earlier run left in the spool.
   */
  start(): void
  /** Waits for what is under way and closes transports and store. */
  close(): Promise<void>
}

export interface SendWaiting {
  readonly waitFor?: 'sent' | 'delivered'
  /** Milliseconds. @default 30000 */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface ReparseReport {
  /** Webhooks that are understood now. */
  readonly understood: number
  /** Events these added to the log. */
  readonly recorded: number
  /** Webhooks that stay in quarantine. */
  readonly left: number
}

/**
 * Puts a store and transports together.
 * @example
 * const comms = createComms({ store: memoryEventStore(), transports: [] })
 * const response = await comms.handle(new Request('https://comms.example.com/webhooks/greenapi', { method: 'POST' }))
 * @throws CommsError `configuration_invalid`, naming each option that is missing, wrong or unknown; also when two transports have the same
 * id or want the same path.
 */
export function createComms(options: CommsOptions): Comms {
  checkOptions(options)
  const { transports = [], outbox: outboxSettings = {} } = options
  const growth = new LogGrowth()
  const store = growth.watch(options.store)
  const { clock = systemClock, ids = uuidSource, logger = consoleLogger, sleep = timerSleep } = options
  const runtime = { clock, ids, logger, sleep }
  const byId = transportsById(transports)
  const maxBodyBytes = options.maxBodyBytes ?? 1_048_576
  const budget = new BodyBudget(pendingBodyBytes(maxBodyBytes, options.maxPendingBodyBytes))
  const warnings = new WarningLog(runtime)
  const { spool, onWebhook } = options
  const arrivals = new Arrivals({
    store,
    ...(spool ? { spool, onSpooled: () => drainer?.wake() } : {}),
    ...(options.ingestTimeoutMs === undefined ? {} : { timeoutMs: options.ingestTimeoutMs }),
  })
  const drainer = spool && spoolDrainer({ spool, store, logger: runtime.logger, onEmpty: () => arrivals.drained() })
  const book = new LeadBook(store, logger)
  const deciding = { store, book, ...runtime }
  const correlator = options.leads && new LeadCorrelator({ ...options.leads, ...deciding })
  const leadWebhooks =
    options.leads &&
    correlator &&
    leadWebhookHandler({
      directory: options.leads.directory,
      maxBodyBytes,
      budget,
      warnings,
      logger: runtime.logger,
      onChanged: (addresses) => correlator.changed(addresses),
    })
  const ingestion = {
    store,
    arrivals,
    ...(correlator ? { enrich: (events: readonly NewEvent[]) => correlator.correlate(events) } : {}),
  }
  const handler = webhookHandler({
    transports,
    maxBodyBytes,
    budget,
    warnings,
    ...ingestion,
    ...runtime,
    ...(onWebhook ? { onWebhook } : {}),
  })
  const pumps: InboxPump[] = []
  const outbox = new Outbox({ ...outboxSettings, store, transports, ...runtime, ...(options.random ? { random: options.random } : {}) })
  const consents = new ConsentReader(store)
  growth.onGrown((recorded) => {
    for (const event of recorded) consents.heard(event)
    outbox.heard(recorded)
  })
  const reading = options.defaultRegion === undefined ? {} : { defaultRegion: options.defaultRegion }
  const requesting = {
    store,
    transports,
    consents,
    ...runtime,
    ...reading,
    ...(outboxSettings.openMedia ? { openMedia: outboxSettings.openMedia } : {}),
  }
  const named = async (contact: string | ContactAddress): Promise<ContactAddress> => {
    if (typeof contact === 'string') await book.refresh()
    return contactNamed(contact, book.state, reading)
  }
  const listed = liveProjection(store, conversationsByContact, logger)
  const underWay = new Set<Promise<unknown>>()
  const startWatch = watchForStart(logger, sleep)
  async function* eventsOf(of: Parameters<Comms['timeline']>[0], signal?: AbortSignal): AsyncIterable<RecordedEvent> {
    await book.refresh()
    const contacts =
      typeof of === 'string' || 'value' in of
        ? personOf(book.state, contactNamed(of, book.state, reading).value)
        : [...new Set(leadsLike(book.state, of).flatMap((lead) => contactsOf(book.state, lead)))]
    yield* mergeStreams(store, streamsOf(book.state, contacts), signal ? { signal } : {})
  }

  return {
    async handle(request, origin) {
      const misuse = expectRequest(request)
      if (misuse !== undefined) {
        runtime.logger.error(misuse)
        return Response.json({ ok: false, error: misuse }, { status: 500 })
      }
      const answered = (leadWebhooks?.(request) ?? handler(request, origin)).catch((error: unknown) => {
        runtime.logger.error('A webhook could not be answered', { error: String(error) })
        return Response.json({ ok: false, error: 'Internal error' }, { status: 500 })
      })
      underWay.add(answered)
      try {
        return await answered
      } finally {
        underWay.delete(answered)
      }
    },

    async reparseQuarantined(options = {}) {
      checkReparsing(options)
      const { signal } = options
      const report = { understood: 0, recorded: 0, left: 0 }
      for await (const event of store.readAll(signal ? { signal } : {})) {
        if (event.type !== 'webhook.quarantined') continue
        try {
          const transport = byId.get(event.data.transport)
          const facts = await parseAgain(event, transport)
          // Without a time of the provider's, the fact is as old as its quarantined webhook, not as this reading of it.
          const then = { clock: { now: () => Date.parse(event.occurredAt) }, ids: runtime.ids }
          const events = facts.map((fact) => createEvent(fact, then))
          const looking = { ...runtime, ...then, store }
          const attached = await attachReports(events, transport?.account, looking)
          const results = await store.append(appendRequests(attached.events))
          const recorded = results.flatMap((result) => (result.status === 'recorded' ? result.events : []))
          const streams = new Map(recorded.map(({ event }) => [event.idempotencyKey, event.streamId]))
          await store.append(appendRequests(await pointersAfter(attached.reports, streams, looking)))
          report.understood += 1
          for (const result of results)
            if (result.status === 'recorded') report.recorded += result.events.filter(({ repeated }) => !repeated).length
        } catch (error) {
          if (error instanceof Error && /^store_/.test(String((error as CommsError).code))) throw error
          report.left += 1
        }
      }
      return report
    },

    async record(facts, options = {}) {
      checkRecording({ facts, options })
      return recordFacts(facts, options, { ...ingestion, ...runtime })
    },

    async send(request, waiting) {
      checkSendRequest(request)
      if (waiting !== undefined) checkSendWaiting(waiting)
      if (waiting?.waitFor !== undefined && !startWatch.started()) {
        throw new CommsError('configuration_invalid', `send: waitFor "${waiting.waitFor}" needs a running outbox; call comms.start() first`)
      }
      const requested = await withinTime(SEND_TIMEOUT_MS, recordRequest(request, requesting), storeIsLate)
      const { messageId, repeated } = requested
      if (waiting?.waitFor !== undefined)
        return waitForMessage(requested, { ...waiting, waitFor: waiting.waitFor }, { store, growth, sleep })
      startWatch.accepted(messageId)
      return repeated ? currentStatus(messageId, store) : { messageId, status: 'requested' }
    },

    async message(messageId) {
      checkMessageId(messageId)
      return reportMessage(store, messageId)
    },

    async conversations(options = {}) {
      checkListOptions(options)
      return conversationList(await listed(), options)
    },

    async conversation(streamId) {
      checkStreamId(streamId)
      const exact = await project(store.readStream(streamId), conversations)
      const named = streamNamed(streamId, reading)
      if (exact.position !== undefined || named === undefined) return conversationOf(exact.state, streamId)
      const { state } = await project(store.readStream(named), conversations)
      return conversationOf(state, named)
    },

    outboxState: () => outbox.state(),

    timeline(of, options = {}) {
      checkTimeline(of, options)
      return eventsOf(of, options.signal)
    },
    async correlate(contact, lead, options) {
      checkCorrelate({ contact, lead, options })
      return correlateByHand(deciding, await named(contact), lead, options)
    },
    async uncorrelate(contact, lead, options) {
      checkUncorrelate({ contact, lead, options })
      return uncorrelateByHand(deciding, await named(contact), lead, options)
    },
    async link(contact, other, options) {
      checkLink({ contact, other, options })
      return linkByHand(deciding, await named(contact), await named(other), { ...options, linked: true })
    },
    async unlink(contact, other, options) {
      checkUnlink({ contact, other, options })
      return linkByHand(deciding, await named(contact), await named(other), { ...options, linked: false })
    },
    ...(correlator ? { leadState: () => correlator.state() } : {}),

    start() {
      startWatch.start()
      drainer?.start()
      outbox.start()
      correlator?.start()
      if (pumps.length > 0) return
      for (const transport of transports) {
        if (transport.inbox) pumps.push(startInboxPump({ transport, inbox: transport.inbox, ...ingestion, ...runtime }))
      }
    },

    async close() {
      startWatch.end()
      await Promise.allSettled([...underWay, ...pumps.map((pump) => pump.stop()), outbox.stop()])
      warnings.flush()
      book.stop()
      await correlator?.stop()
      await drainer?.stop()
      await spool?.close?.()
      // A transport that does not let go of its connections does not keep the process alive.
      const limit = timeLimit(TRANSPORT_CLOSE_MS, undefined, sleep)
      const over = new Promise<void>((resolve) => limit.signal.addEventListener('abort', () => resolve()))
      await Promise.race([Promise.allSettled(transports.map(async (transport) => transport.close?.())), over])
      limit.end()
      await store.close()
    },
  }
}

function storeIsLate(): CommsError {
  return new CommsError('store_unavailable', `The store did not answer within ${SEND_TIMEOUT_MS} ms; the request may have been recorded`, {
    retryAfterMs: SEND_TIMEOUT_MS / 2,
  })
}
const checkOptions = checkOf('createComms', optionsObject<CommsOptions>(commsShape))
const checkReparsing = checkSignalOnly('reparseQuarantined')

/** @throws CommsError `webhook_unparsable`, among what else a parser throws. */
function parseAgain(event: MessageEventOf<'webhook.quarantined'>, transport: Transport | undefined) {
  const { method, path } = event.data
  const request = requestFromQuarantine(event)
  if (method === POLLED && transport?.inbox) return transport.inbox.parse(request.body)
  const endpoint = transport?.webhooks?.find((webhook) => pathKey(webhook.path) === pathKey(path))
  if (!endpoint) throw new CommsError('webhook_unparsable', `No transport ${event.data.transport} with ${path}`)
  return endpoint.parse(request)
}
