import type { CommsError } from '../errors.ts'
import type { ContactAddress } from '../events/contact-address.ts'
import { idempotencyKey } from '../events/idempotency-key.ts'
import type { EventFact, MessageEventOf } from '../events/message-event.ts'
import { requestKey, sentKey } from '../events/message-names.ts'
import { isoInstant } from '../runtime.ts'
import type { SendReceipt, Transport } from '../transport/transport.ts'
import type { OutboxEntry } from './outbox-entry.ts'

type Failure = MessageEventOf<'message.failed'>['data']['error']

/** Whose message it is: an entry of the outbox, or a request that was just made. */
interface Subject {
  readonly request: { readonly messageId: string; readonly contact: ContactAddress }
}

/** What the facts of the outbox share: who took the message, to whom it goes. */
function envelope({ request }: Subject, transport: Transport) {
  const { contact, messageId } = request
  return {
    channel: transport.channel,
    provider: transport.provider ?? transport.id,
    account: transport.account,
    direction: 'outbound' as const,
    contact,
    messageId,
  }
}

/** The claim: of several instances that record it, one has it. */
export function attemptedFact(
  entry: OutboxEntry,
  transport: Transport,
  claim: { number: number; by: string; now: number; deadline: number },
): EventFact {
  const { messageId } = entry.request
  return {
    type: 'message.attempted',
    idempotencyKey: idempotencyKey('attempt', messageId, claim.number),
    ...envelope(entry, transport),
    ...at(claim.now),
    data: { attempt: claim.number, by: claim.by, deadline: isoInstant(claim.deadline) },
  }
}

/**
 * `settledBy`: how we know, when not from the answer itself. The key names what the provider took, and not our message: two of ours can
 * never be taken for the same one of the provider's.
 */
export function sentFact(
  entry: OutboxEntry,
  transport: Transport,
  receipt: SendReceipt,
  known: { number: number; now: number; settledBy?: 'reconciler' | 'echo' },
): EventFact {
  const { providerMessageId, occurredAt, extra } = receipt
  const { number, now, settledBy } = known
  const all = { ...extra, ...(settledBy ? { settledBy } : {}) }
  const sender = envelope(entry, transport)
  return {
    type: 'message.sent',
    idempotencyKey: sentKey({ ...sender, providerMessageId }),
    ...sender,
    ...(occurredAt === undefined ? at(now) : { occurredAt, occurredAtSource: 'provider' as const }),
    providerMessageId,
    data: {
      origin: 'api',
      attempt: number,
      ...(Object.keys(all).length > 0 ? { extra: all as NonNullable<MessageEventOf<'message.sent'>['data']['extra']> } : {}),
    },
  }
}

export function uncertainFact(entry: OutboxEntry, transport: Transport, doubt: { number: number; now: number; reason: string }): EventFact {
  return {
    type: 'message.uncertain',
    idempotencyKey: idempotencyKey('uncertain', entry.request.messageId, doubt.number),
    ...envelope(entry, transport),
    ...at(doubt.now),
    data: { attempt: doubt.number, reason: doubt.reason },
  }
}

export function deferredFact(
  entry: OutboxEntry,
  transport: Transport,
  deferral: { number: number; now: number; until: number; error: Failure },
): EventFact {
  return {
    type: 'message.deferred',
    idempotencyKey: idempotencyKey('deferred', entry.request.messageId, deferral.number),
    ...envelope(entry, transport),
    ...at(deferral.now),
    data: { attempt: deferral.number, error: deferral.error, until: isoInstant(deferral.until) },
  }
}

export function failedFact(entry: Subject, transport: Transport, failure: { number?: number; now: number; error: Failure }): EventFact {
  return {
    type: 'message.failed',
    idempotencyKey: idempotencyKey('failed', entry.request.messageId),
    ...envelope(entry, transport),
    ...at(failure.now),
    data: { error: failure.error, ...(failure.number === undefined ? {} : { attempt: failure.number }) },
  }
}

/** The provider says that the contact wants no more of us. */
export function optedOutFact(
  entry: OutboxEntry,
  transport: Transport,
  told: { number: number; now: number; providerCode?: string },
): EventFact {
  const { messageId: _, ...rest } = envelope(entry, transport)
  return {
    type: 'contact.opted_out',
    idempotencyKey: idempotencyKey('opted-out', entry.request.messageId, told.number),
    ...rest,
    ...at(told.now),
    data: { reason: 'refused-by-provider', ...(told.providerCode ? { extra: { providerCode: told.providerCode } } : {}) },
  }
}

/** The message that stands in for this one. */
export function fallbackId(messageId: string): string {
  return `${messageId}.next`
}

/** The next way to reach the contact. Its key holds the message it stands in for, so that of several instances one asks for it. */
export function fallbackFact(
  { messageId, data }: MessageEventOf<'message.requested'>,
  transport: Transport,
  now: number,
): EventFact & { readonly messageId: string; readonly contact: ContactAddress } {
  const [step, ...rest] = data.fallback ?? []
  if (!step) throw new Error('fallbackFact: the request has no fallback')
  // What is answered, and the options, are of the way before; so is its earliest time.
  const { content, expiresAt, onUncertain } = data
  const next = fallbackId(messageId)
  return {
    type: 'message.requested',
    idempotencyKey: requestKey(next),
    channel: transport.channel,
    provider: transport.provider ?? transport.id,
    account: transport.account,
    direction: 'outbound',
    contact: step.to,
    messageId: next,
    ...at(now),
    data: {
      content: step.content ?? content,
      fallbackOf: messageId,
      transport: transport.id,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(onUncertain === undefined ? {} : { onUncertain }),
      ...(rest.length > 0 ? { fallback: rest } : {}),
    },
  }
}

/** A send's error as the log keeps it. */
export function failureOf(error: CommsError, otherwise: Failure['class']): Failure {
  const { code, providerCode, message, failure = otherwise } = error
  return { code, class: failure, text: message.slice(0, 500), ...(providerCode === undefined ? {} : { providerCode }) }
}

function at(now: number) {
  return { occurredAt: isoInstant(now), occurredAtSource: 'local' as const }
}
