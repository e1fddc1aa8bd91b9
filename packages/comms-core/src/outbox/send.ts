import type { DeliveryState } from '../consumers/delivery-status.ts'
import { CommsError } from '../errors.ts'
import { type ContactAddress, parseContactAddress } from '../events/contact-address.ts'
import { idempotencyKey } from '../events/idempotency-key.ts'
import type { MessageContent } from '../events/message-content.ts'
import type { EventFact, FallbackStep, NewEvent } from '../events/message-event.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import { type Clock, type IdSource, isoInstant } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import type { OutboundMessage, Transport } from '../transport/transport.ts'
import { ConsentReader } from './contact-consent.ts'
import { type ComparedRequest, expectSameRequest } from './same-request.ts'

/** A message to be sent. */
export interface SendRequest {
  /** Over which channel: `whatsapp`, `sms`, `email` or another that a transport serves. */
  readonly channel: string
  /** Which transport, when several serve the channel. @default the first of them */
  readonly transport?: string
  /** A phone number, e-mail address or chat id in any usual spelling. */
  readonly to: string | ContactAddress
  readonly content: MessageContent
  /**
   * The caller's name of this request: the same one twice is one message, for ever. All callers of one log share one namespace, so put the
   * name of your application in front. Used again with another recipient, content, channel, `replyTo`, `fallback`, `onUncertain` or
   * `options`, it is refused with `request_conflict`. The spelling of an address does not count, nor do `notBefore` and `expiresAt`: those
   * of the first request hold. @default a new one each time
   */
  readonly idempotencyKey?: string
  /** `messageId` of the message this one answers; it goes to the address that wrote. */
  readonly replyTo?: string
  /** Not before this time. */
  readonly notBefore?: Date | string
  /** Not after this time: it fails instead. */
  readonly expiresAt?: Date | string
  /** Other ways to the same person, tried one after the other when the one before failed. Never while an outcome is unknown. */
  readonly fallback?: readonly SendFallback[]
  /** When nobody can tell whether it was sent: tell the operator, or send it once more, which may double it. @default 'report' */
  readonly onUncertain?: 'report' | 'resend'
  /** For the transport; its documentation lists what it knows. */
  readonly options?: Readonly<Record<string, unknown>>
}

export interface SendFallback {
  readonly channel: string
  readonly transport?: string
  readonly to: string | ContactAddress
  /** @default that of the message before */
  readonly content?: MessageContent
  /** Taken too when the message before is not delivered this many milliseconds after it was sent. @default only when it failed */
  readonly afterMs?: number
}

/** How far a message got. */
export interface MessageStatus {
  readonly messageId: string
  readonly status: DeliveryState
  /** The provider's id, once it has taken the message. */
  readonly providerMessageId?: string
  /** Why it failed or failed last. */
  readonly failure?: { readonly code: string; readonly class: string; readonly text?: string; readonly providerCode?: string }
  /** `messageId` of the fallback that replaces it, when there is one. */
  readonly next?: string
}

export interface RequestContext {
  readonly store: EventStore
  readonly transports: readonly Transport[]
  readonly clock: Clock
  readonly ids: IdSource
  readonly defaultRegion?: string
  readonly openMedia?: OutboundMessage['openMedia']
  /** @default one that remembers nothing */
  readonly consents?: ConsentReader
}

/** A message that the log holds. */
export interface RequestedMessage {
  readonly messageId: string
  readonly streamId: string
  /** It was asked for before, with the same key. */
  readonly repeated: boolean
}

/**
 * Checks a request and records it, unless the contact has opted out. When it resolves, the request is durable.
 * @throws CommsError `send_rejected` when it can never be sent so (with whose fault it is), `request_conflict` when its key was used for
 * another request, `address_invalid`, `event_invalid`, `store_unavailable` and the like.
 */
export async function recordRequest(request: SendRequest, context: RequestContext): Promise<RequestedMessage> {
  const repeatOf = (known: RecordedEvent): RequestedMessage => {
    expectSameRequest(known, comparedRequest(request, context))
    return { messageId, streamId: known.streamId, repeated: true }
  }
  const transport = transportFor(request, context)
  const messageId = request.idempotencyKey === undefined ? `msg_${context.ids.next()}` : `msg_${await digest(request.idempotencyKey)}`
  const requestKey = idempotencyKey('request', messageId)
  const known = request.idempotencyKey === undefined ? undefined : await context.store.find(requestKey)
  const given = address(request.to, context)
  if (known) return repeatOf(known)
  const streamId = streamIdOf({ channel: transport.channel, provider: transport.id, contact: given })
  const { consents = new ConsentReader(context.store) } = context
  const answered = request.replyTo === undefined ? undefined : await messageToAnswer(request.replyTo, streamId, context)
  const contact = answered?.contact ? { ...given, raw: answered.contact.raw } : given
  const event = requestEvent({ request, messageId, requestKey, contact, transport, answered }, context)
  check(event, transport, context)
  let consent = consents.remembered(streamId, transport.channel)
  for (;;) {
    // What is remembered may be old: the append tells, and before a refusal the stream is read.
    if (!consent || consent.optedOut) consent = await consents.read(streamId, transport.channel)
    if (consent.optedOut) {
      throw new CommsError('send_rejected', `${given.value} has opted out of ${request.channel}; it must opt in before anything is sent`, {
        failure: 'policy',
      })
    }
    // Only on top of what was read: an opting-out that comes in between is seen.
    const [result] = await context.store.append([{ streamId, events: [event], expectedVersion: consent.version }])
    const [recorded] = result?.status === 'recorded' ? result.events : []
    if (recorded && recorded.event.id !== event.id) return repeatOf(recorded.event)
    if (recorded) return { messageId, streamId: recorded.event.streamId, repeated: false }
    const heard = consents.remembered(streamId, transport.channel)
    consent = result?.status === 'conflict' && heard?.version === result.actualVersion ? heard : undefined
  }
}

function transportFor(
  { channel, transport: id }: { channel: string; transport?: string | undefined },
  { transports }: RequestContext,
): Transport {
  const found = transports.find((transport) => transport.channel === channel && (id === undefined || transport.id === id))
  if (found) return found
  const known = transports.map((transport) => `${transport.channel} (${transport.id})`).join(', ') || 'none'
  const wanted = id === undefined ? channel : `${channel} (${id})`
  throw new CommsError('send_rejected', `No transport for ${wanted}; there is ${known}`, { failure: 'configuration' })
}

function address(to: string | ContactAddress, { defaultRegion }: RequestContext): ContactAddress {
  return typeof to === 'string' ? parseContactAddress(to, defaultRegion === undefined ? {} : { defaultRegion }) : to
}

async function messageToAnswer(replyTo: string, streamId: string, { store }: RequestContext): Promise<RecordedEvent> {
  let answered: RecordedEvent | undefined
  for await (const event of store.readStream(streamId)) {
    if (event.messageId === replyTo && event.providerMessageId !== undefined) answered = event
  }
  if (answered) return answered
  throw new CommsError('send_rejected', `replyTo: expected a message with this contact, found no ${replyTo} in ${streamId}`, {
    failure: 'content',
  })
}

function comparedRequest(request: SendRequest, context: RequestContext): ComparedRequest {
  const { channel, transport, content, replyTo, options, onUncertain, fallback = [] } = request
  const steps = fallback.map((step) => ({ ...fallbackStep(step, context), transport: step.transport }))
  return { channel, transport, recipient: address(request.to, context), content, replyTo, options, onUncertain, fallback: steps }
}

interface Drafted {
  readonly request: SendRequest
  readonly messageId: string
  readonly requestKey: string
  readonly contact: ContactAddress
  readonly transport: Transport
  readonly answered: RecordedEvent | undefined
}

function requestEvent({ request, messageId, requestKey, contact, transport, answered }: Drafted, context: RequestContext): NewEvent {
  const { content, idempotencyKey: callerKey, replyTo, notBefore, expiresAt, onUncertain, options, fallback = [] } = request
  const fact: EventFact = {
    type: 'message.requested',
    idempotencyKey: requestKey,
    channel: transport.channel,
    provider: transport.provider ?? transport.id,
    account: transport.account,
    direction: 'outbound',
    contact,
    messageId,
    occurredAt: isoInstant(context.clock.now()),
    occurredAtSource: 'local',
    data: {
      content,
      transport: transport.id,
      ...(callerKey === undefined ? {} : { callerKey }),
      ...(replyTo === undefined ? {} : { replyTo }),
      ...(answered?.providerMessageId === undefined ? {} : { replyToProviderMessageId: answered.providerMessageId }),
      ...(notBefore === undefined ? {} : { notBefore: instant('notBefore', notBefore) }),
      ...(expiresAt === undefined ? {} : { expiresAt: instant('expiresAt', expiresAt) }),
      ...(onUncertain === undefined ? {} : { onUncertain }),
      ...(options === undefined ? {} : { options: options as never }),
      ...(fallback.length > 0 ? { fallback: fallback.map((step) => fallbackStep(step, context)) } : {}),
    },
  }
  return createEvent(fact, context)
}

function fallbackStep(step: SendFallback, context: RequestContext): FallbackStep {
  const { channel, id } = transportFor(step, context)
  const { content, afterMs } = step
  return {
    channel,
    transport: id,
    to: address(step.to, context),
    ...(content === undefined ? {} : { content }),
    ...(afterMs === undefined ? {} : { afterMs }),
  }
}

/** That each transport can carry what it would get. */
function check(event: NewEvent, transport: Transport, context: RequestContext): void {
  if (event.type !== 'message.requested') return
  const { data, contact, messageId } = event
  const { options } = data
  const ways = [{ transport, to: contact, content: data.content, ...(options === undefined ? {} : { options }) }]
  for (const step of data.fallback ?? []) {
    ways.push({ transport: transportFor(step, context), to: step.to, content: step.content ?? ways.at(-1)?.content ?? data.content })
  }
  for (const { transport: way, ...message } of ways) {
    if (!context.openMedia && message.content.media?.some(({ ref }) => ref !== undefined)) {
      throw new CommsError('send_rejected', 'A file with a ref needs the option openMedia, by which it is opened', {
        failure: 'configuration',
      })
    }
    way.check?.({ messageId, ...message, ...(context.openMedia ? { openMedia: context.openMedia } : {}) })
  }
}

function instant(option: string, time: Date | string): string {
  const milliseconds = typeof time === 'string' ? Date.parse(time) : time.getTime()
  if (Number.isFinite(milliseconds)) return isoInstant(milliseconds)
  throw new CommsError('event_invalid', `${option}: expected a Date or an ISO 8601 time, got ${JSON.stringify(time)}`)
}

/** The caller's key as part of an id: so the message is found by its id alone. */
async function digest(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return Array.from(bytes.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
