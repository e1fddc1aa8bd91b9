import { CommsError, type ContactAddress, type EventFact, idempotencyKey, readLeniently } from '@pipe-comms/core'
import { z } from 'zod'
import { addressIfAny, readAddress } from '../address.ts'
import { meaningOf, OPTED_OUT } from '../error-codes.ts'
import { filled, needed, one, type Parameters } from './parameters.ts'

/** The parameter of the status callback URL that holds our id of the message, so that a callback that overtakes the answer is known. */
export const MESSAGE_ID = 'messageId'

/**
 * The facts in a status callback. Twilio sends them in no sure order, several within milliseconds, and some twice; each is a fact of its
 * own, and the projections take the highest. There is no time in it: `RawDlrDoneDate` has minutes only, and no zone.
 * https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
 * @throws CommsError `webhook_unparsable`
 */
export function statusFacts(parameters: Parameters, ourMessageId: string | undefined): EventFact[] {
  // SmsStatus may lag behind: of a message that was read it still says delivered.
  const status = one(parameters, 'MessageStatus') ?? needed(parameters, 'SmsStatus')
  const accountSid = needed(parameters, 'AccountSid')
  const sid = needed(parameters, 'MessageSid')
  const unread: string[] = []
  const errorCode = errorCodeOf(parameters, unread)
  const to = one(parameters, 'To')?.trim() ? readAddress(one(parameters, 'To') as string) : undefined
  // A status without the recipient is about the message that its id names.
  const { channel, address: contact } = to ?? { channel: channelOf(parameters), address: UNKNOWN_RECIPIENT }
  const endpoint = addressIfAny(one(parameters, 'From'))
  const codes = [status, ...(errorCode ? [errorCode] : [])]
  const envelope = {
    channel,
    provider: 'twilio',
    account: accountSid,
    direction: 'outbound',
    contact,
    ...(endpoint ? { endpoint } : {}),
    messageId: ourMessageId ?? `twilio:${sid}`,
    providerMessageId: sid,
    source: { via: 'webhook', raw: { ...parameters }, ...(unread.length > 0 ? { unread } : {}) },
  } as const
  const key = idempotencyKey('twilio', accountSid, 'status', sid, ...codes)
  const extra = extraOf(parameters, status)

  switch (status) {
    case 'accepted':
    case 'scheduled':
    case 'queued':
    case 'sending':
    case 'sent':
      // Twilio has it: that is what sent says. How far it is on Twilio's side stands beside it.
      return [{ ...envelope, type: 'message.sent', idempotencyKey: key, data: { origin: 'api', extra } }]
    case 'delivered':
    case 'partially_delivered':
      return [{ ...envelope, type: 'message.delivered', idempotencyKey: key, data: { extra } }]
    case 'read':
      return [{ ...envelope, type: 'message.read', idempotencyKey: key, data: { extra } }]
    case 'undelivered':
    case 'failed':
    case 'canceled': {
      const failed: EventFact = {
        ...envelope,
        type: 'message.failed',
        idempotencyKey: key,
        data: { error: failureOf(parameters, status, errorCode), extra },
      }
      return errorCode === OPTED_OUT && to ? [failed, optedOut(envelope, accountSid, sid, codes)] : [failed]
    }
    case 'receiving':
    case 'received':
      // Of a message to us; what it says comes as an incoming message.
      return []
    default:
      throw new CommsError('webhook_unparsable', `Twilio: MessageStatus ${JSON.stringify(status.slice(0, 60))} is not known`)
  }
}

const UNKNOWN_RECIPIENT: ContactAddress = { kind: 'other', value: 'other:unknown-recipient', raw: 'unknown-recipient' }

/** The channel that our own address names. */
function channelOf(parameters: Parameters): string {
  const from = one(parameters, 'From')?.trim()
  return from ? readAddress(from).channel : 'sms'
}

const OUTBOUND = /^(accepted|scheduled|queued|sending|sent|delivered|partially_delivered|read|undelivered|failed|canceled)$/

/** Whether a status is one of a message that we sent. */
export function isOutboundStatus(status: string | undefined): boolean {
  return status !== undefined && OUTBOUND.test(status)
}

/** https://www.twilio.com/docs/api/errors */
const codesSchema = z.looseObject({
  ErrorCode: z
    .string()
    .regex(/^\d{1,10}$/, 'expected digits')
    .optional(),
})

function errorCodeOf(parameters: Parameters, unread: string[]): string | undefined {
  const codes = readLeniently(codesSchema, filled(parameters))
  unread.push(...(codes.success ? codes.unread : codes.problems))
  return codes.success ? codes.data.ErrorCode : undefined
}

type Envelope = Pick<EventFact, 'channel' | 'provider' | 'account' | 'source'> & { readonly contact: NonNullable<EventFact['contact']> }

function optedOut(envelope: Envelope, accountSid: string, sid: string, codes: readonly string[]): EventFact {
  return {
    ...envelope,
    type: 'contact.opted_out',
    idempotencyKey: idempotencyKey('twilio', accountSid, 'opted-out', sid, ...codes),
    data: { reason: `error ${OPTED_OUT}` },
  }
}

function failureOf(parameters: Parameters, status: string, errorCode: string | undefined) {
  const meaning = meaningOf(errorCode)
  // Who cancelled a scheduled message did it through the API, on our side.
  const unknown = status === 'canceled' ? 'policy' : 'provider'
  const fault = meaning?.fault === 'operator' ? 'configuration' : (meaning?.fault ?? unknown)
  const text = meaning?.text ?? one(parameters, 'ErrorMessage') ?? one(parameters, 'ChannelStatusMessage')
  return { code: status, ...(errorCode ? { providerCode: errorCode } : {}), class: fault, ...(text ? { text } : {}) }
}

function extraOf(parameters: Parameters, status: string): Record<string, string | boolean> {
  const known = {
    status,
    rawDlrDoneDate: one(parameters, 'RawDlrDoneDate'),
    messagingServiceSid: one(parameters, 'MessagingServiceSid'),
    channelStatusMessage: one(parameters, 'ChannelStatusMessage'),
    temporary: meaningOf(one(parameters, 'ErrorCode'))?.temporary,
  }
  return Object.fromEntries(Object.entries(known).filter((entry): entry is [string, string | boolean] => entry[1] !== undefined))
}
