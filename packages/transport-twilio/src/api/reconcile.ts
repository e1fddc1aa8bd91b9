import { isCommsError, type OutboundMessage, type ReconcileOptions, type SendReceipt } from '@pipe-comms/core'
import type { MessageInstance } from 'twilio/lib/rest/api/v2010/account/message.js'
import type { CheckedOptions } from '../options.ts'
import { openCall } from './client.ts'
import { outgoing } from './outgoing.ts'
import { isDate, receiptOf } from './send-message.ts'

/** One page is one call. A contact with more messages than this is answered with `unknown` rather than with half the truth. */
const MAX_LISTED = 1_000
/** Twilio's clock has whole seconds, and ours may differ from it. */
const CLOCK_SLACK_MS = 5_000
/** So long after the attempt a message that was taken must be in the list. */
const SETTLE_MS = 120_000
/**
 * Messages alike that are further from the attempt than our clocks may be apart: when ours are wrong it may be one of them. Earlier and
 * later ones are of another day's talk.
 */
const DOUBT_MS = 600_000
/** A trial account writes this in front of every message. https://www.twilio.com/docs/usage/tutorials/how-to-use-your-free-trial-account */
const TRIAL_PREFIX = 'Sent from your Twilio trial account - '

/**
 * Looks for a message of this recipient, of the time of the attempt, with these words. Twilio's list does not say which status callback
 * a message has, so a callback with our id tells it sooner: it records `message.sent` under that id by itself.
 *
 * The list is filtered by recipient only. A message that waits on Twilio's side has no `DateSent` yet, and a filter by that would take it
 * for one that was never sent; so times are compared here, `DateSent` of those that have one.
 * https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
 */
export async function reconcile(
  options: CheckedOptions,
  message: OutboundMessage,
  { attemptedAt, elapsedMs, others, signal }: ReconcileOptions,
): Promise<SendReceipt | 'not-sent' | 'unknown'> {
  const parameters = parametersOf(message, options)
  if (!parameters) return 'unknown'
  const attempted = Date.parse(attemptedAt)
  let listed: MessageInstance[]
  try {
    const { client } = await openCall(options, signal)
    listed = await client.messages.list({ to: parameters.to, limit: MAX_LISTED, pageSize: MAX_LISTED })
  } catch {
    return 'unknown'
  }
  const oldest = attempted - CLOCK_SLACK_MS
  const newest = attempted + options.timeoutMs + SETTLE_MS
  const ofThatTime = listed.flatMap((found) => {
    const { sid, direction, dateCreated, dateSent } = found
    const at = isDate(dateCreated) ? dateCreated : dateSent
    if (direction === 'inbound' || others?.has(sid) || !isDate(at)) return []
    const time = at.getTime()
    if (time < oldest - DOUBT_MS || time > newest + DOUBT_MS) return []
    return [{ found, inTime: time >= oldest && time <= newest }]
  })
  const comparable = parameters.body !== undefined && !parameters.contentSid && !parameters.smartEncoded && !parameters.shortenUrls
  const [alike, ...more] = ofThatTime.filter(({ found }) => isAlike(found, parameters, comparable))
  // Several alike, or words that Twilio rewrites: which of them it is cannot be told.
  if (alike) return alike.inTime && more.length === 0 && comparable ? receiptOf(alike.found) : 'unknown'
  const settled = (elapsedMs ?? options.now() - attempted) > SETTLE_MS + options.timeoutMs
  return settled && listed.length < MAX_LISTED ? 'not-sent' : 'unknown'
}

/** Nothing for a message that an earlier release sent and this one refuses. */
function parametersOf(message: OutboundMessage, options: CheckedOptions): ReturnType<typeof outgoing> | undefined {
  try {
    return outgoing(message, options)
  } catch (error) {
    if (isCommsError(error)) return undefined
    throw error
  }
}

function isAlike(found: MessageInstance, sent: ReturnType<typeof outgoing>, comparable: boolean): boolean {
  if (sent.from !== undefined && found.from && found.from !== sent.from) return false
  if (Number(found.numMedia) !== (sent.mediaUrl?.length ?? 0) && !sent.contentSid) return false
  if (!comparable) return true
  const words = normal(found.body ?? '')
  const ours = normal(sent.body ?? '')
  return words === ours || words === normal(TRIAL_PREFIX + ours)
}

function normal(text: string): string {
  return text.normalize('NFC').replace(/\r\n/g, '\n').trim()
}
