import { isCommsError, type TransportProblem } from '@pipe-comms/core'
import type { Twilio } from 'twilio'
import { type CheckedOptions, webhookUrl } from '../options.ts'
import { answerError } from './answer-error.ts'
import { openCall } from './client.ts'

/** A number may be in a Messaging Service nobody thinks of; more services than this are not looked through. */
const MAX_SERVICES = 20

/**
 * What an operator should know: whether the account can be reached, the number is ours and can send, and incoming messages come to us.
 * https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource
 */
export async function check(options: CheckedOptions, signal: AbortSignal): Promise<readonly TransportProblem[]> {
  const call = await openCall(options, signal).catch((error: unknown) => error)
  if (isCommsError(call)) return [problem(call.message, 'Set authToken or apiKey.')]
  const { client, retryAfterMs } = call as Awaited<ReturnType<typeof openCall>>
  try {
    const account = await accountProblems(client, options)
    if (account.length > 0) return account
    return [
      ...(await numberProblems(client, options)),
      ...(options.messagingServiceSid
        ? await serviceProblems(client, options, options.messagingServiceSid)
        : await hiddenServiceProblems(client, options)),
    ]
  } catch (error) {
    const { code, message } = answerError(error, { options, what: 'the check', retryAfterMs: retryAfterMs() })
    return code === 'transport_misconfigured'
      ? [problem(message, 'Compare accountSid, authToken (or apiKey) and region with the console: each region has tokens of its own.')]
      : [
          problem(
            message,
            'Twilio cannot be reached or does not answer: look at https://status.twilio.com and at the network, then check again.',
          ),
        ]
  }
}

async function accountProblems(client: Twilio, { accountSid }: CheckedOptions): Promise<TransportProblem[]> {
  const { status } = await client.api.v2010.accounts(accountSid).fetch()
  if (status === 'active') return []
  return [
    problem(`The account is ${status}: nothing is sent or received.`, 'Look at the notices and the billing of the account in the console.'),
  ]
}

async function numberProblems(client: Twilio, options: CheckedOptions): Promise<TransportProblem[]> {
  const { from } = options
  // Short codes and alphanumeric senders are not among the numbers, and the latter take no answers.
  if (!from?.startsWith('+')) return []
  const [number] = await client.incomingPhoneNumbers.list({ phoneNumber: from, limit: 1 })
  if (number?.phoneNumber !== from) {
    return [
      problem(`The number ${from} is not in this account.`, 'Set `from` to one of the numbers of the account, or buy or port this one.'),
    ]
  }
  const problems: TransportProblem[] = []
  if (!number.capabilities?.sms) {
    problems.push(problem(`The number ${from} cannot send SMS.`, 'Choose a number with the capability SMS.'))
  }
  const ours = webhookUrl(options, 'incoming')
  if (ours === undefined) return problems
  if (number.smsApplicationSid) {
    problems.push(
      problem(
        `Messages to ${from} go to the TwiML app ${number.smsApplicationSid}, which overrides the webhook of the number.`,
        `Take the app off the number, and set its webhook "A message comes in" to ${configured(ours, options)}.`,
      ),
    )
    return problems
  }
  return [...problems, ...urlProblems(`the number ${from}`, number.smsUrl, ours, options)]
}

async function serviceProblems(client: Twilio, options: CheckedOptions, sid: string): Promise<TransportProblem[]> {
  const service = await client.messaging.v1.services(sid).fetch()
  const ours = webhookUrl(options, 'incoming')
  if (ours === undefined || service.useInboundWebhookOnNumber) return []
  if (!service.inboundRequestUrl) {
    return [
      problem(
        `The Messaging Service ${sid} drops incoming messages: it has no webhook, and does not use those of its numbers.`,
        `In its integration, choose "Send a webhook" to ${configured(ours, options)}, or "Defer to sender's webhook".`,
      ),
    ]
  }
  return urlProblems(`the Messaging Service ${sid}, which overrides its numbers,`, service.inboundRequestUrl, ours, options)
}

/** The number may stand in a Messaging Service whose webhook overrides its own, and then nothing comes to us. */
async function hiddenServiceProblems(client: Twilio, options: CheckedOptions): Promise<TransportProblem[]> {
  if (!options.from?.startsWith('+')) return []
  for (const { sid, useInboundWebhookOnNumber } of await client.messaging.v1.services.list({ limit: MAX_SERVICES })) {
    if (useInboundWebhookOnNumber) continue
    const numbers = await client.messaging.v1.services(sid).phoneNumbers.list({ limit: 400 })
    if (numbers.some(({ phoneNumber }) => phoneNumber === options.from)) return serviceProblems(client, options, sid)
  }
  return []
}

function urlProblems(whose: string, actual: string | null, ours: string, options: CheckedOptions): TransportProblem[] {
  const [url, fragment = ''] = (actual ?? '').split('#')
  if (url !== ours) {
    return [
      problem(
        `The webhook of ${whose} is ${url ? `${url.split('?')[0]}` : 'not set'}, not ours: incoming messages do not come here, or their signature does not match.`,
        `Set "A message comes in" to ${configured(ours, options)}, POST. Messages that came in meanwhile can be fetched with recoverInbound.`,
      ),
    ]
  }
  if (/(^|&)rp=([^&]*,)?(5xx|all)\b/.test(fragment) || options.connectionOverrides === '') return []
  return [
    {
      severity: 'warning',
      problem: `Twilio does not repeat a webhook of ${whose} that we answer with 503, so a message that comes while the log is away is lost until it is fetched.`,
      remedy: `Set "A message comes in" to ${configured(ours, options)}, and fetch what was missed with recoverInbound.`,
    },
  ]
}

function configured(url: string, { connectionOverrides }: CheckedOptions): string {
  return connectionOverrides ? `${url}#${connectionOverrides}` : url
}

function problem(text: string, remedy: string): TransportProblem {
  return { severity: 'error', problem: text, remedy }
}
