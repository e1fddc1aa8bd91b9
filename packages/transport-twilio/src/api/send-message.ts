import { CommsError, type OutboundMessage, type SendReceipt } from '@pipe-comms/core'
import type { MessageInstance } from 'twilio/lib/rest/api/v2010/account/message.js'
import type { CheckedOptions } from '../options.ts'
import { answerError } from './answer-error.ts'
import { openCall } from './client.ts'
import { outgoing } from './outgoing.ts'

/**
 * Sends one message. Twilio has no idempotency key for messages: a send without an answer is `send_uncertain` and must be looked up.
 * https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
 */
export async function sendMessage(options: CheckedOptions, message: OutboundMessage, signal: AbortSignal): Promise<SendReceipt> {
  if (signal.aborted) throw new CommsError('send_unavailable', 'Twilio: the send was stopped before it began')
  const parameters = outgoing(message, options)
  const call = await openCall(options, signal)
  try {
    return receiptOf(await call.client.messages.create(parameters))
  } catch (error) {
    throw answerError(error, { options, what: 'POST Messages', retryAfterMs: call.retryAfterMs() })
  }
}

/** @throws CommsError `send_uncertain` for an answer without the message's id. */
export function receiptOf(created: MessageInstance): SendReceipt {
  const { sid, status, dateCreated, from, messagingServiceSid, numSegments } = created
  if (typeof sid !== 'string' || sid === '') throw new CommsError('send_uncertain', 'Twilio: POST Messages was answered without a sid')
  const known = { status, from, messagingServiceSid, segments: Number(numSegments) || undefined }
  const extra = Object.entries(known).filter((entry): entry is [string, string | number] => entry[1] !== undefined && entry[1] !== null)
  return {
    providerMessageId: sid,
    ...(isDate(dateCreated) ? { occurredAt: dateCreated.toISOString() } : {}),
    extra: Object.fromEntries(extra),
  }
}

/** The SDK hands on what it cannot read as it is. */
export function isDate(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime())
}
