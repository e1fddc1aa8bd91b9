import { CommsError, type EventFact } from '@pipe-comms/core'
import type { Twilio } from 'twilio'
import type { MessageInstance } from 'twilio/lib/rest/api/v2010/account/message.js'
import type { CheckedOptions } from '../options.ts'
import { incomingFacts } from '../webhook/parse.ts'
import { answerError } from './answer-error.ts'
import { type Call, openCall } from './client.ts'
import { isDate } from './send-message.ts'

export interface RecoverOptions {
  /** Messages of this instant and later. */
  readonly since: Date | string
  /** Our numbers to look at, as Twilio writes them (`+1202…`, `whatsapp:+1202…`). @default every number of the account */
  readonly to?: readonly string[]
  readonly signal?: AbortSignal
}

const DAY_MS = 86_400_000
const PAGE_SIZE = 1_000
const API = 'https://api.twilio.com'

/**
 * The facts of the messages that came in since then, the newest first, as their webhooks would have told them: with the same keys, so
 * that those which are in the log already are not recorded again. What only a webhook says (profile name, button, location, place) is
 * not in them.
 *
 * `DateSent` is given as a day and compared exactly here: what Twilio takes besides a day is not promised.
 * https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources
 * @throws CommsError `send_unavailable` when Twilio cannot be asked now, `transport_misconfigured` when an operator must act.
 */
export async function* recoverInbound(options: CheckedOptions, { since, to, signal }: RecoverOptions): AsyncGenerator<EventFact> {
  const from = new Date(since).getTime()
  if (Number.isNaN(from)) throw new CommsError('configuration_invalid', 'twilio.recoverInbound: since: expected a date')
  const dateSentAfter = new Date(Math.floor(from / DAY_MS) * DAY_MS)
  const call = await openCall(options, signal ?? new AbortController().signal)
  for (const number of to ?? [undefined]) {
    const filter = { dateSentAfter, pageSize: PAGE_SIZE, ...(number === undefined ? {} : { to: number }) }
    let url: string | undefined
    do {
      const asked = url
      const page = await ask(options, call, 'GET Messages', (client) =>
        asked ? client.messages.getPage(asked) : client.messages.page(filter),
      )
      for (const message of page.instances) {
        const at = isDate(message.dateSent) ? message.dateSent : message.dateCreated
        if (message.direction !== 'inbound' || !isDate(at) || at.getTime() < from) continue
        const media = Number(message.numMedia) > 0 ? await mediaOf(options, call, message.sid) : {}
        yield* incomingFacts({ ...parametersOf(message), ...media }, { via: 'api', occurredAt: at.toISOString() })
      }
      url = page.nextPageUrl
    } while (url !== undefined)
  }
}

/** The message as its webhook would have said it. */
function parametersOf(message: MessageInstance): Record<string, string> {
  const { sid, accountSid, from, to, body, numMedia, numSegments, messagingServiceSid, apiVersion } = message
  return {
    MessageSid: sid,
    AccountSid: accountSid,
    From: from,
    To: to,
    Body: body ?? '',
    NumMedia: numMedia ?? '0',
    NumSegments: numSegments ?? '1',
    SmsStatus: 'received',
    ApiVersion: apiVersion,
    ...(messagingServiceSid ? { MessagingServiceSid: messagingServiceSid } : {}),
  }
}

async function mediaOf(options: CheckedOptions, call: Call, sid: string): Promise<Record<string, string>> {
  const media = await ask(options, call, 'GET Media', (client) => client.messages(sid).media.list({ limit: 100 }))
  return Object.fromEntries(
    media.flatMap(({ uri, contentType }, index) => [
      [`MediaUrl${index}`, API + uri.replace(/\.json$/, '')],
      [`MediaContentType${index}`, contentType],
    ]),
  )
}

async function ask<Answer>(
  options: CheckedOptions,
  call: Call,
  what: string,
  question: (client: Twilio) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await question(call.client)
  } catch (error) {
    const problem = answerError(error, { options, what, retryAfterMs: call.retryAfterMs() })
    // Nothing was sent here: without an answer, the question can be asked again.
    throw problem.code === 'send_uncertain' ? new CommsError('send_unavailable', problem.message) : problem
  }
}
