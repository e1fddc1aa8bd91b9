import type { ContactAddress } from '../events/contact-address.ts'
import type { MessageContent } from '../events/message-content.ts'
import type { EventFact } from '../events/message-event.ts'
import type { WebhookRequest } from './webhook-request.ts'

/**
 * A way to one provider: sends messages and turns what the provider says into facts. A transport returns facts; it never calls core,
 * keeps no log of its own, and reads nothing global. Abilities it does not have are absent.
 * `@pipe-comms/core/conformance` proves each of these promises against a transport.
 */
export interface Transport {
  /** Name of this transport among those of one `createComms`, such as `greenapi`. In keys of quarantined webhooks, so it must stay. */
  readonly id: string
  readonly channel: string
  /** The provider's name for our account or instance. No secret. */
  readonly account: string
  /**
   * Hands one message to the provider, once: no retries inside.
   * @throws CommsError `send_rejected` (final, with `failure`), `send_unavailable` (certainly not sent; `retryAfterMs` when known),
   * `send_uncertain` (maybe sent), `transport_misconfigured` (an operator must act). No secret is in the error or its causes.
   */
  send(message: OutboundMessage, options: { readonly signal: AbortSignal }): Promise<SendReceipt>
  readonly webhooks?: readonly WebhookEndpoint[]
  readonly inbox?: InboxReader
  readonly reconciler?: SendReconciler
  readonly probe?: TransportProbe
}

/** One address that the provider calls. */
export interface WebhookEndpoint {
  /** Path on our server, such as `/webhooks/greenapi`. */
  readonly path: string
  readonly methods: readonly string[]
  /**
   * Proves that the request comes from the provider, looking at nothing else: the body is bytes here, not yet understood.
   * Whatever it throws, nothing is recorded.
   * @throws CommsError `webhook_unverified`.
   */
  verify(request: WebhookRequest): void | Promise<void>
  /**
   * The facts in a verified request; none is a legal answer. Must give equal facts for equal requests, with no clock and no random
   * source. Whatever it throws, the request is quarantined raw and the provider gets its success answer.
   * @throws CommsError `webhook_unparsable`, saying what was expected and what came.
   */
  parse(request: WebhookRequest): readonly EventFact[] | Promise<readonly EventFact[]>
  /** The answer that tells the provider all is well. @default 200 with an empty body */
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
}

/** The provider took the message. That it arrived is told by later events. */
export interface SendReceipt {
  readonly providerMessageId: string
  /** The provider's time, ISO 8601, when it says one. */
  readonly occurredAt?: string
}

/** For providers that are asked instead of calling. */
export interface InboxReader {
  /** Waits for the next facts; `undefined` when there were none this time. The same facts come back until they are acknowledged. */
  receive(options: { readonly signal: AbortSignal }): Promise<InboxDelivery | undefined>
}

export interface InboxDelivery {
  readonly events: readonly EventFact[]
  /** Tells the provider that the facts are durable. */
  acknowledge(): Promise<void>
}

/** Finds out what became of a message whose sending ended without an answer. */
export interface SendReconciler {
  /** The receipt when the provider took it, `not-sent` when it certainly did not, `unknown` when it cannot tell (yet). */
  reconcile(
    message: OutboundMessage,
    options: { readonly attemptedAt: string; readonly signal: AbortSignal },
  ): Promise<SendReceipt | 'not-sent' | 'unknown'>
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
