import { CommsError, createEvent, type EventFact, isCommsError, quarantineFact, systemClock, uuidSource } from '@pipe-comms/core'
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
/** So many messages in a row whose files cannot be listed now are no longer the fault of one message. */
const MAX_FAILED_LISTS = 5

/**
 * The facts of the messages that came in since then, the newest first, as their webhooks would have told them: with the same keys, so
 * that those which are in the log already are not recorded again. What only a webhook says (profile name, button, location, place) is
 * not in them.
 *
 * A message that cannot be read becomes a `webhook.quarantined` fact, with its reason, and those behind it follow. One whose files cannot
 * be listed now is left for the next call: the rest follows, and then the call fails.
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
  const files = mediaLister(options, call)
  for (const number of to ?? [undefined]) {
    const filter = { dateSentAfter, pageSize: PAGE_SIZE, ...(number === undefined ? {} : { to: number }) }
    let url: string | undefined
    do {
      const asked = url
      const page = await ask(options, call, 'GET Messages', (client) =>
        asked ? client.messages.getPage(asked) : client.messages.page(filter),
      )
      for (const message of page.instances) {
        const at = [message.dateSent, message.dateCreated].find(isDate)
        // Without a time it may be one of those that are asked for.
        if (message.direction !== 'inbound' || (at && at.getTime() < from)) continue
        const media = Number(message.numMedia) > 0 ? await files.of(message.sid) : {}
        if (media) yield* await factsOf(options, { ...parametersOf(message), ...media }, at)
      }
      url = page.nextPageUrl
    } while (url !== undefined)
  }
  if (files.failed) throw files.failed
}

/** The facts of one message; when it is not understood, the fact that it came, with all that Twilio says of it. */
async function factsOf(options: CheckedOptions, parameters: Record<string, string>, at: Date | undefined): Promise<EventFact[]> {
  try {
    const facts = incomingFacts(parameters, { via: 'api', ...(at ? { occurredAt: at.toISOString() } : {}) })
    // What breaks the schema would end the list at the caller.
    for (const fact of facts) createEvent(fact, { clock: systemClock, ids: uuidSource })
    return facts
  } catch (error) {
    const request = {
      method: 'POST',
      url: `http://recovered.invalid${options.webhookPath}/incoming`,
      headers: new Headers({ 'content-type': 'application/x-www-form-urlencoded' }),
      body: new TextEncoder().encode(new URLSearchParams(parameters).toString()),
    }
    const reason = `recovered: ${error instanceof Error ? error.message : String(error)}`
    const { id, channel, accountSid: account } = options
    const fact = await quarantineFact({ id, channel, account }, request, reason)
    return [{ ...fact, ...(at ? { occurredAt: at.toISOString() } : {}), source: { via: 'api' } }]
  }
}

/** The message as its webhook would have said it. */
function parametersOf(message: MessageInstance): Record<string, string> {
  const { sid, accountSid, from, to, body, numMedia, numSegments, messagingServiceSid, apiVersion } = message
  const said: Record<string, unknown> = {
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
  return texts(Object.entries(said))
}

function texts(pairs: readonly (readonly [string, unknown])[]): Record<string, string> {
  const given = pairs.filter(([, value]) => typeof value === 'string' || typeof value === 'number')
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}

/** Lists the files of one message after another. `failed`: why those of some could not be listed now. */
function mediaLister(options: CheckedOptions, call: Call) {
  let failed: CommsError | undefined
  let inARow = 0
  return {
    get failed() {
      return failed
    },
    /** Nothing when Twilio cannot say now; no file when it refuses to. */
    async of(sid: string): Promise<Record<string, string> | undefined> {
      try {
        const listed = await ask(options, call, 'GET Media', (client) => client.messages(sid).media.list({ limit: 100 }))
        inARow = 0
        return texts(
          listed.flatMap(({ uri, contentType }, index) => [
            [`MediaUrl${index}`, typeof uri === 'string' ? API + uri.replace(/\.json$/, '') : undefined],
            [`MediaContentType${index}`, contentType],
          ]),
        )
      } catch (error) {
        if (!isCommsError(error)) throw error
        // The message was there a moment ago: 404 says that its files are not, and more than that only an operator can change.
        if (error.code === 'send_rejected' || error.providerCode === NOT_FOUND) return {}
        failed ??= error
        inARow += 1
        if (error.code !== 'send_unavailable' || inARow >= MAX_FAILED_LISTS) throw error
        return undefined
      }
    },
  }
}

/** https://www.twilio.com/docs/api/errors/20404 */
const NOT_FOUND = '20404'

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
