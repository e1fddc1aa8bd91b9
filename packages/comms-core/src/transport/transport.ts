import type { ContactAddress } from '../events/contact-address.ts'
import type { Media, MessageContent } from '../events/message-content.ts'
import type { EventFact } from '../events/message-event.ts'
import type { WebhookHead, WebhookRequest } from './webhook-request.ts'

/**
 * A way to one provider: sends messages and turns what the provider says into facts. A transport returns facts; it never calls core,
 * keeps no log of its own, and reads nothing global. Abilities it does not have are absent.
 * `@pipe-comms/core/conformance` proves each of these promises against a transport.
 */
export interface Transport {
  /** Name of this transport among those of one `createComms`, such as `greenapi`. In keys of quarantined webhooks, so it must stay. */
  readonly id: string
  readonly channel: string
  /** The provider's name in the events of this transport, such as `greenapi`. @default the id */
  readonly provider?: string
  /** The provider's name for our account or instance. No secret. */
  readonly account: string
  /**
   * Hands one message to the provider, once: no retries inside.
   * @throws CommsError `send_rejected` (final, with `failure`), `send_unavailable` (certainly not sent; `retryAfterMs` when known),
   * `send_uncertain` (maybe sent), `transport_misconfigured` (an operator must act). No secret is in the error or its causes.
   */
  send(message: OutboundMessage, options: { readonly signal: AbortSignal }): Promise<SendReceipt>
  /**
   * Looks at a message before anything is recorded. Absent: every message is tried.
   * @throws CommsError `send_rejected` when this transport can never carry it, saying what was expected and what came.
   */
  check?(message: OutboundMessage): void
  /** How much the provider takes. The outbox waits rather than go over; counted from the log, so a restart forgets nothing. */
  readonly sendLimits?: readonly SendLimit[]
  readonly webhooks?: readonly WebhookEndpoint[]
  readonly inbox?: InboxReader
  readonly reconciler?: SendReconciler
  readonly probe?: TransportProbe
  /** Lets go of connections that it keeps. Called once, when nothing is sent any more. Absent: it keeps none. */
  close?(): Promise<void>
}

/** One address that the provider calls. */
export interface WebhookEndpoint {
  /** Path on our server, such as `/webhooks/greenapi`. */
  readonly path: string
  readonly methods: readonly string[]
  /** Take a POST, PUT or PATCH without a body. @default false: it is answered 400, because a body that is lost on the way looks the same */
  readonly allowEmptyBody?: boolean
  /**
   * Checks what can be checked before the body is read, such as a token in a header, so that a stranger's body costs nothing. `verify`
   * is called all the same, with the body. Absent: the body is read first.
   * @throws CommsError `webhook_unverified`.
   */
  authorize?(head: WebhookHead): void | Promise<void>
  /**
   * Proves that the request comes from the provider, looking at nothing else: the body is bytes here, not yet understood.
   * Whatever it throws, nothing is recorded.
   * @throws CommsError `webhook_unverified`.
   */
  verify(request: WebhookRequest): void | Promise<void>
  /**
   * The facts in a verified request; none is a legal answer for what is known to say nothing of a message. What is not known must be thrown
   * as `webhook_unparsable`: after an empty answer nothing of it is kept. Must give equal facts for equal requests, with no clock and no
   * random source. `channel`, `provider` and `account` are the transport's own; the `messageId` of an inbound message is
   * `<provider>:<providerMessageId>`. Whatever it throws, the request is quarantined raw and the provider gets its success answer.
   * @throws CommsError `webhook_unparsable`, saying what was expected and what came.
   */
  parse(request: WebhookRequest): readonly EventFact[] | Promise<readonly EventFact[]>
  /** The answer that tells the provider all is well: a new Response each time. @default 200 with an empty body */
  acknowledge?(): Response
}

/** A message on its way out. */
export interface OutboundMessage {
  /** Ours; the same on every attempt. */
  readonly messageId: string
  /** Where to. `to.raw` is the address that wrote to us, when this is an answer. */
  readonly to: ContactAddress
  readonly content: MessageContent
  /** The provider's id of the message this one answers. */
  readonly replyToProviderMessageId?: string
  /** For this transport alone; its documentation lists what it knows. */
  readonly options?: Readonly<Record<string, unknown>>
  /**
   * Opens the bytes of a media item of `content` that has a `ref`. Absent when nobody can. May be called once an attempt for each item.
   * @throws whatever its owner throws; nothing was sent then.
   */
  readonly openMedia?: (media: Media, options: { readonly signal: AbortSignal }) => Promise<OpenedMedia>
}

/** The bytes of a file on its way out, read once and never held whole. */
export interface OpenedMedia {
  readonly stream: ReadableStream<Uint8Array>
  /** Bytes in the stream, when known before it is read. */
  readonly sizeBytes?: number
}

/** The provider took the message. That it arrived is told by later events. */
export interface SendReceipt {
  /** The provider's id of the message, unique within the account; its reports on the message carry the same one. */
  readonly providerMessageId: string
  /** The provider's time, ISO 8601, when it says one. */
  readonly occurredAt?: string
  /** What else the provider answered, recorded with `message.sent` as `data.extra`: segments, price, recipients it refused. No secret. */
  readonly extra?: Readonly<Record<string, JsonValue>>
}

type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue }

/** At most `messages` in any span of `perMs` milliseconds. */
export interface SendLimit {
  readonly messages: number
  readonly perMs: number
}

/** For providers that are asked instead of calling. */
export interface InboxReader {
  /**
   * Waits for the next delivery; `undefined` when there was none this time. The same one comes back until it is acknowledged.
   * @throws CommsError `send_unavailable` when the provider cannot be asked now, `transport_misconfigured` when an operator must act.
   */
  receive(options: { readonly signal: AbortSignal }): Promise<InboxDelivery | undefined>
  /**
   * The facts in a delivery, as {@link WebhookEndpoint.parse}: equal facts for equal bodies. Whatever it throws, the delivery is
   * quarantined raw and acknowledged, so that it does not block those behind it.
   * @throws CommsError `webhook_unparsable`
   */
  parse(body: Uint8Array): readonly EventFact[] | Promise<readonly EventFact[]>
}

export interface InboxDelivery {
  readonly body: Uint8Array
  /** Tells the provider that the facts are durable, so that it goes on to the next. Safe to repeat. */
  acknowledge(): Promise<void>
}

/** Finds out what became of a message whose sending ended without an answer. */
export interface SendReconciler {
  /**
   * The receipt when the provider took it, `not-sent` when it certainly did not, `unknown` when it cannot tell (yet). Must doubt rather
   * than guess: an equal message to the same contact at about the same time may be another one.
   */
  reconcile(message: OutboundMessage, options: ReconcileOptions): Promise<SendReceipt | 'not-sent' | 'unknown'>
}

export interface ReconcileOptions {
  /** When the attempt began, ISO 8601, by the clock of the instance that made it. */
  readonly attemptedAt: string
  /**
   * At least so many milliseconds have passed since the attempt began, by a clock that nobody sets; it starts again at 0 with the process.
   * Whether the provider has had the time to show the message is decided by this alone. @default what the clock says since `attemptedAt`
   */
  readonly elapsedMs?: number
  /** `providerMessageId`s of other messages to the same contact, as far as the log knows them: none of them is this one. @default none */
  readonly others?: ReadonlySet<string>
  readonly signal: AbortSignal
}

/** What `doctor` and the readiness check ask. */
export interface TransportProbe {
  check(options: { readonly signal: AbortSignal }): Promise<readonly TransportProblem[]>
}

export interface TransportProblem {
  readonly severity: 'error' | 'warning'
  readonly problem: string
  /** What the operator should do about it. */
  readonly remedy: string
}
