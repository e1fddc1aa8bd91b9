import { CommsError, type EventFact, idempotencyKey, type WebhookRequest } from '@pipe-comms/core'
import { addressIfAny, readAddress } from '../address.ts'
import type { CheckedOptions } from '../options.ts'
import { checkForm } from './form-check.ts'
import { contentOf } from './incoming-content.ts'
import { consentIn } from './opt-out.ts'
import { needed, one, type Parameters, parametersOf } from './parameters.ts'
import { isOutboundStatus, MESSAGE_ID, statusFacts } from './status.ts'

/**
 * The facts in one webhook. A status is told from a message by what it says, not by the path it came to: a picture without words is a
 * message, and a number whose webhooks were mixed up loses nothing.
 * @throws CommsError `webhook_unparsable` for what is not understood.
 */
export function parseWebhook(request: WebhookRequest, { accountSid, subaccounts }: CheckedOptions): EventFact[] {
  const parameters = parametersOf(request)
  checkForm(parameters)
  const account = needed(parameters, 'AccountSid')
  if (account !== accountSid && !Object.hasOwn(subaccounts, account)) {
    throw new CommsError('webhook_unparsable', `Twilio: expected a webhook of account ${accountSid}, got one of another account`)
  }
  if (isIncoming(parameters)) return incomingFacts(parameters, { via: 'webhook' })
  return statusFacts(parameters, new URL(request.url).searchParams.get(MESSAGE_ID) ?? undefined)
}

/** Every status callback has a MessageStatus or, in its old form, an SmsStatus of a message of ours. A message may lack anything else. */
function isIncoming(parameters: Parameters): boolean {
  const status = one(parameters, 'MessageStatus')
  if (status === undefined) return !isOutboundStatus(one(parameters, 'SmsStatus'))
  const hasContent = parameters.Body !== undefined || parameters.NumMedia !== undefined
  return hasContent && /^receiv(ed|ing)$/.test(status)
}

/** How a message came to be known: a webhook says no time, the API does. */
export interface Origin {
  readonly via: 'webhook' | 'api'
  /** ISO 8601. */
  readonly occurredAt?: string
}

/**
 * The facts in an incoming message: the message, and the consent it expresses. Equal keys whether a webhook or the API says it. Required:
 * the account and the id, which name the message, and its sender; whatever else is odd is left out and noted in `source.unread`.
 * @throws CommsError `webhook_unparsable`
 */
export function incomingFacts(parameters: Parameters, { via, occurredAt }: Origin): EventFact[] {
  const accountSid = needed(parameters, 'AccountSid')
  const sid = needed(parameters, 'MessageSid')
  const { channel, address: contact } = readAddress(needed(parameters, 'From'))
  const endpoint = addressIfAny(one(parameters, 'To'))
  const contactName = one(parameters, 'ProfileName')
  const unread: string[] = []
  const content = contentOf(parameters, channel, unread)
  const envelope = {
    channel,
    provider: 'twilio',
    account: accountSid,
    direction: 'inbound',
    contact,
    ...(endpoint ? { endpoint } : {}),
    messageId: `twilio:${sid}`,
    providerMessageId: sid,
    ...(occurredAt === undefined ? {} : { occurredAt }),
    source: { via, raw: { ...parameters }, ...(unread.length > 0 ? { unread } : {}) },
  } as const
  const received: EventFact = {
    ...envelope,
    type: 'message.received',
    idempotencyKey: idempotencyKey('twilio', accountSid, 'received', sid),
    data: { ...content, ...(contactName === undefined ? {} : { contactName }) },
  }
  const consent = consentIn(parameters, channel)
  if (!consent || consent.kind === 'help') return [received]
  const out = consent.kind === 'stop'
  const change: EventFact = {
    ...envelope,
    type: out ? 'contact.opted_out' : 'contact.opted_in',
    idempotencyKey: idempotencyKey('twilio', accountSid, out ? 'opted-out' : 'opted-in', sid),
    data: { reason: consent.by, ...(consent.keyword ? { keyword: consent.keyword } : {}) },
  }
  return [received, change]
}
