import { type Conversation, conversationOf, conversations } from './consumers/conversation.ts'
import { type ConversationSummary, conversationList, conversationsByContact } from './consumers/conversation-list.ts'
import { liveProjection } from './consumers/live-projection.ts'
import { project } from './consumers/projection.ts'
import { CommsError } from './errors.ts'
import type { ContactAddress } from './events/contact-address.ts'
import type { LeadMatch, MessageEventOf, NewEvent } from './events/message-event.ts'
import { createEvent, type RecordedEvent } from './events/recorded-event.ts'
import { correlateByHand, type DecisionOptions, linkByHand, uncorrelateByHand } from './leads/by-hand.ts'
import { LeadBook } from './leads/lead-book.ts'
import { LeadCorrelator } from './leads/lead-correlator.ts'
import type { LeadOptions, LeadState } from './leads/lead-options.ts'
import { contactsOf, type LeadRef, personOf, streamsOf } from './leads/lead-ties.ts'
import { leadWebhookHandler } from './leads/lead-webhooks.ts'
import { mergeStreams } from './leads/timeline.ts'
import { ConsentReader } from './outbox/contact-consent.ts'
import { LogGrowth } from './outbox/log-growth.ts'
import { type MessageReport, reportMessage } from './outbox/message-report.ts'
import { Outbox, type OutboxState } from './outbox/outbox.ts'
import type { OutboxSettings } from './outbox/outbox-options.ts'
import { type MessageStatus, recordRequest, type SendRequest } from './outbox/send.ts'
import { currentStatus, waitForMessage } from './outbox/wait-for-message.ts'
import { type Sleep, timeLimit, timerSleep } from './pause.ts'
import { type Clock, type IdSource, type Logger, silentLogger, systemClock, uuidSource } from './runtime.ts'
import type { EventStore } from './store/event-store.ts'
import type { Spool } from './store/spool.ts'
import { type InboxPump, startInboxPump } from './transport/inbox-pump.ts'
import { appendRequests } from './transport/ingest.ts'
import { POLLED, requestFromQuarantine } from './transport/quarantine.ts'
import { spoolDrainer } from './transport/spool-drainer.ts'
import type { Transport } from './transport/transport.ts'
import { type WebhookReport, webhookHandler } from './transport/webhook-handler.ts'
import type { RequestOrigin } from './transport/webhook-request.ts'

/** How long `close` waits for transports to let go of what they keep, in milliseconds. */
const TRANSPORT_CLOSE_MS = 10_000

export interface CommsOptions {
  /** Where events are kept. Closed by `comms.close()`. */
  readonly store: EventStore
  /**
   * Where webhooks wait while the store is away (`store_unavailable`), still answered with success. On another disk than the store.
   * @default none: such webhooks are answered 503, and the provider sends them again
   */
  readonly spool?: Spool
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
  /** Told of every webhook after it is answered for, for logs and metrics. What it throws is logged and changes nothing. */
  readonly onWebhook?: (report: WebhookReport) => void
  /** @default silent */
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

export interface Comms {
  /**
   * Answers a webhook: verified, parsed, recorded, and then its success answer. Never throws. Understands a Web `Request`, as Hono,
   * Bun, Deno and `@hono/node-server` have it; `origin` is for transports that look at the address a request came from. 401/403 not verified; 404/405 no such webhook; 413 too large; 503 store away.
   */
  handle(request: Request, origin?: RequestOrigin): Promise<Response>
  /**
   * Parses every quarantined webhook again, after the transport learned to understand it, and records what it says now. Safe to
   * repeat: facts already recorded are not recorded again.
   */
  reparseQuarantined(options?: { readonly signal?: AbortSignal }): Promise<ReparseReport>
  /**
   * Records that a message is to be sent; the outbox sends it, after `start`. Resolves when the request is durable; with `waitFor` when
   * the message has got that far or failed, or at the latest after `timeoutMs` (30 seconds), with how far it got by then.
   * @throws CommsError before anything is recorded: `send_rejected` when it can never be sent so or the contact has opted out (see
   * `failure`), `address_invalid`, `event_invalid`; `store_unavailable` and the like.
   */
  send(request: SendRequest, options?: SendWaiting): Promise<MessageStatus>
  /** What the log says of a message of ours, by its `messageId`; nothing for an unknown one. */
  message(messageId: string): Promise<MessageReport | undefined>
  /**
   * Who talks with us, the newest conversation first. The first call reads the whole log; later ones what was recorded since.
   * @param options.limit how many at most; @default 50
   */
  conversations(options?: { readonly limit?: number }): Promise<readonly ConversationSummary[]>
  /** What was said in one stream, such as `whatsapp:+33639980001`. Nobody has said anything in an unknown one. */
  conversation(streamId: string): Promise<Conversation>
  /** For metrics. */
  outboxState(): OutboxState
  /**
   * The history of a lead, or of a contact with all addresses it is linked with: every event of their streams, in the order of the log.
   * A tie found or undone later changes what is shown, and nothing in the log.
   */
  timeline(of: ContactAddress | LeadRef, options?: { readonly signal?: AbortSignal }): AsyncIterable<RecordedEvent>
  /** Ties a contact to a lead by hand. It holds against every rule until it is undone. */
  correlate(contact: ContactAddress, lead: LeadRef & Pick<LeadMatch, 'name'>, options: DecisionOptions): Promise<void>
  /** Undoes a tie, found or made by hand: what held before holds again. No rule makes it again, only {@link correlate}. */
  uncorrelate(contact: ContactAddress, lead: LeadRef, options: DecisionOptions & { readonly reason?: string }): Promise<void>
  /** Says that two addresses are one person, such as a WhatsApp privacy id and a phone number. */
  link(contact: ContactAddress, other: ContactAddress, options: DecisionOptions): Promise<void>
  /** Takes a link back. */
  unlink(contact: ContactAddress, other: ContactAddress, options: DecisionOptions): Promise<void>
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
 * @throws CommsError `configuration_invalid` when two transports have the same id or want the same path.
 */
export function createComms(options: CommsOptions): Comms {
  const { transports = [], outbox: outboxSettings = {} } = options
  const growth = new LogGrowth()
  const store = growth.watch(options.store)
  const { clock = systemClock, ids = uuidSource, logger = silentLogger, sleep = timerSleep } = options
  const runtime = { clock, ids, logger, sleep }
  const byId = new Map(transports.map((transport) => [transport.id, transport]))
  if (byId.size < transports.length) {
    throw new CommsError(
      'configuration_invalid',
      `Expected transports with different ids, got ${transports.map(({ id }) => id).join(', ')}`,
    )
  }
  const misnamed = transports.find(({ id }) => !/^[a-z][a-z0-9-]*$/.test(id))
  if (misnamed) {
    throw new CommsError('configuration_invalid', `Expected a transport id of lower-case letters, digits and dashes, got "${misnamed.id}"`)
  }
  const maxBodyBytes = options.maxBodyBytes ?? 1_048_576
  const { spool, onWebhook } = options
  const drainer = spool && spoolDrainer({ spool, store, logger: runtime.logger })
  const book = new LeadBook(store)
  const deciding = { store, book, ...runtime }
  const correlator = options.leads && new LeadCorrelator({ ...options.leads, ...deciding })
  const leadWebhooks =
    options.leads &&
    correlator &&
    leadWebhookHandler({
      directory: options.leads.directory,
      maxBodyBytes,
      logger: runtime.logger,
      onChanged: (addresses) => correlator.changed(addresses),
    })
  const ingestion = {
    store,
    ...(spool && drainer ? { spool, onSpooled: () => drainer.wake() } : {}),
    ...(correlator ? { enrich: (events: readonly NewEvent[]) => correlator.correlate(events) } : {}),
  }
  const handler = webhookHandler({ transports, maxBodyBytes, ...ingestion, ...runtime, ...(onWebhook ? { onWebhook } : {}) })
  const pumps: InboxPump[] = []
  const outbox = new Outbox({ ...outboxSettings, store, transports, ...runtime, ...(options.random ? { random: options.random } : {}) })
  const consents = new ConsentReader(store)
  growth.onGrown((recorded) => {
    for (const event of recorded) consents.heard(event)
    outbox.heard(recorded)
  })
  const requesting = {
    store,
    transports,
    consents,
    ...runtime,
    ...(options.defaultRegion === undefined ? {} : { defaultRegion: options.defaultRegion }),
    ...(outboxSettings.openMedia ? { openMedia: outboxSettings.openMedia } : {}),
  }
  const listed = liveProjection(store, conversationsByContact)
  const underWay = new Set<Promise<unknown>>()

  return {
    async handle(request, origin) {
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

    async reparseQuarantined({ signal } = {}) {
      const report = { understood: 0, recorded: 0, left: 0 }
      for await (const event of store.readAll(signal ? { signal } : {})) {
        if (event.type !== 'webhook.quarantined') continue
        try {
          const facts = await parseAgain(event, byId.get(event.data.transport))
          // Without a time of the provider's, the fact is as old as its quarantined webhook, not as this reading of it.
          const then = { clock: { now: () => Date.parse(event.occurredAt) }, ids: runtime.ids }
          const appends = appendRequests(facts.map((fact) => createEvent(fact, then)))
          const results = await store.append(appends)
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

    async send(request, waiting = {}) {
      const requested = await recordRequest(request, requesting)
      const { messageId, repeated } = requested
      if (waiting.waitFor !== undefined) return waitForMessage(requested, { ...waiting, waitFor: waiting.waitFor }, { store, growth })
      return repeated ? currentStatus(messageId, store) : { messageId, status: 'requested' }
    },

    message: (messageId) => reportMessage(store, messageId),

    conversations: async (limits) => conversationList(await listed(), limits),

    async conversation(streamId) {
      const { state } = await project(store.readStream(streamId), conversations)
      return conversationOf(state, streamId)
    },

    outboxState: () => outbox.state(),

    async *timeline(of, { signal } = {}) {
      await book.refresh()
      const contacts = 'value' in of ? personOf(book.state, of.value) : contactsOf(book.state, of)
      yield* mergeStreams(store, streamsOf(book.state, contacts), signal ? { signal } : {})
    },
    correlate: (contact, lead, decision) => correlateByHand(deciding, contact, lead, decision),
    uncorrelate: (contact, lead, decision) => uncorrelateByHand(deciding, contact, lead, decision),
    link: (contact, other, decision) => linkByHand(deciding, contact, other, { ...decision, linked: true }),
    unlink: (contact, other, decision) => linkByHand(deciding, contact, other, { ...decision, linked: false }),
    ...(correlator ? { leadState: () => correlator.state() } : {}),

    start() {
      drainer?.wake()
      outbox.start()
      correlator?.start()
      if (pumps.length > 0) return
      for (const transport of transports) {
        if (transport.inbox) pumps.push(startInboxPump({ transport, inbox: transport.inbox, ...ingestion, ...runtime }))
      }
    },

    async close() {
      await Promise.allSettled([...underWay, ...pumps.map((pump) => pump.stop()), outbox.stop()])
      book.stop()
      await correlator?.stop()
      await drainer?.stop()
      // A transport that does not let go of its connections does not keep the process alive.
      const limit = timeLimit(TRANSPORT_CLOSE_MS, undefined, sleep)
      const over = new Promise<void>((resolve) => limit.signal.addEventListener('abort', () => resolve()))
      await Promise.race([Promise.allSettled(transports.map(async (transport) => transport.close?.())), over])
      limit.end()
      await store.close()
    },
  }
}

/** @throws CommsError `webhook_unparsable`, among what else a parser throws. */
function parseAgain(event: MessageEventOf<'webhook.quarantined'>, transport: Transport | undefined) {
  const { method, path } = event.data
  const request = requestFromQuarantine(event)
  if (method === POLLED && transport?.inbox) return transport.inbox.parse(request.body)
  const endpoint = transport?.webhooks?.find((webhook) => webhook.path === path)
  if (!endpoint) throw new CommsError('webhook_unparsable', `No transport ${event.data.transport} with ${path}`)
  return endpoint.parse(request)
}
