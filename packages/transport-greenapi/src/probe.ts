import { isCommsError, type TransportProbe, type TransportProblem } from '@pipe-comms/core'
import { type InstanceApi, parsed } from './api/instance.ts'
import { withoutSecrets } from './api/secrets.ts'
import type { CheckedOptions } from './options.ts'
import { getSettings, type InstanceSettings, KINDS, webhookUrlOf } from './settings.ts'
import { webhookVerifier } from './webhook/verify.ts'

/** https://green-api.com/en/docs/api/account/SetSettings/ */
const MIN_DELAY_MS = 500
const MAX_DELAY_MS = 300_000
const APPLY = 'call applySettings() of the transport, or change it in the console; it reboots the instance and takes up to 5 minutes'

/** Whether the instance can send, and tells us all that happens on it. */
export function transportProbe(api: InstanceApi): TransportProbe {
  return {
    async check({ signal }) {
      try {
        return [...(await stateProblems(api, signal)), ...settingsProblems(await getSettings(api, signal), api.options)]
      } catch (error) {
        return [callProblem(error)]
      }
    },
  }
}

/** https://green-api.com/en/docs/api/account/GetStateInstance/ */
async function stateProblems(api: InstanceApi, signal: AbortSignal): Promise<TransportProblem[]> {
  const text = await api.call({ method: 'getStateInstance', verb: 'GET', lost: 'send_unavailable', signal })
  const { stateInstance } = (parsed(text) ?? {}) as { stateInstance?: unknown }
  switch (stateInstance) {
    case 'authorized':
      return []
    case 'notAuthorized':
      return [
        error('The instance is logged out: messages wait in its queue for 24 hours', 'scan the QR code in the console with the phone'),
      ]
    case 'pendingCode':
    case 'pendingPassword':
      return [error('The instance waits for the code or the password of a new login: it sends nothing', 'finish the login in the console')]
    case 'starting':
      return [warning('The instance is starting', 'wait up to 5 minutes')]
    case 'sleepMode':
      return [warning('The phone of the instance is switched off or offline', 'switch the phone on and connect it to the internet')]
    case 'blocked':
      return [error('WhatsApp has banned the number of the instance', 'ask WhatsApp for a review in the app, or use another number')]
    case 'suspended':
    case 'yellowCard':
      return [
        error(
          'WhatsApp has suspended the sending of the instance',
          'stop sending to people who did not write first, and wait until the suspension ends: getWaSettings says when',
        ),
      ]
    default:
      return [
        warning(
          `The instance is in a state that is not known: ${String(stateInstance).slice(0, 40)}`,
          'look at the instance in the console',
        ),
      ]
  }
}

function settingsProblems(settings: InstanceSettings, options: CheckedOptions): TransportProblem[] {
  const problems = [...addressProblems(settings, options)]
  for (const [kind, tells] of Object.entries(KINDS)) {
    const value = settings[kind]
    if (value === undefined || value === 'yes') continue
    const problem = `${kind} is off: Green-API does not tell ${tells}`
    problems.push(kind === 'incomingWebhook' || kind === 'outgoingWebhook' ? error(problem, APPLY) : warning(problem, APPLY))
  }
  const { delaySendMessagesMilliseconds: delay, enableLidMode } = settings
  if (delay !== undefined && (delay < MIN_DELAY_MS || delay > MAX_DELAY_MS))
    problems.push(
      warning(
        `delaySendMessagesMilliseconds is ${delay}: expected ${MIN_DELAY_MS} to ${MAX_DELAY_MS}`,
        'call applySettings({ delaySendMessagesMilliseconds: 1000 }) of the transport, or change it in the console',
      ),
    )
  if (enableLidMode === 'yes')
    problems.push(
      warning(
        'enableLidMode is on: notifications hold privacy ids instead of phone numbers, so leads are not found by number',
        'switch it off in the console',
      ),
    )
  return problems
}

function addressProblems({ webhookUrl, webhookUrlToken }: InstanceSettings, options: CheckedOptions): TransportProblem[] {
  if (options.inbox) return webhookUrl ? [error('webhookUrl is set: Green-API does not answer those who ask for notifications', APPLY)] : []
  if (!webhookUrl) return [error('webhookUrl is not set: Green-API does not call us', APPLY)]
  const expected = webhookUrlOf(options)
  const problems: TransportProblem[] = []
  if (expected !== undefined && webhookUrl !== expected)
    problems.push(error(`webhookUrl is ${withoutSecrets(withoutQuery(webhookUrl), options)}: expected ${expected}`, APPLY))
  if (options.webhookToken !== undefined && !tokenPasses(webhookUrlToken ?? '', options.webhookToken))
    problems.push(error('webhookUrlToken is not the webhookToken that we expect: every webhook is refused', APPLY))
  return problems
}

/** Asks the check of incoming webhooks itself. */
function tokenPasses(theirs: string, ours: string): boolean {
  try {
    const headers = new Headers({ authorization: /^(bearer|basic) /i.test(theirs) ? theirs : `Bearer ${theirs}` })
    webhookVerifier({ webhookToken: ours })({ method: 'POST', url: 'http://probe.invalid/', headers })
    return true
  } catch {
    return false
  }
}

/** A query or a user name in a URL may be a secret of somebody else's. */
function withoutQuery(url: string): string {
  try {
    const { origin, pathname } = new URL(url)
    return `${origin}${pathname}`
  } catch {
    return 'no URL'
  }
}

function callProblem(cause: unknown): TransportProblem {
  const problem = cause instanceof Error ? cause.message : String(cause)
  return isCommsError(cause, 'transport_misconfigured')
    ? error(problem, 'check idInstance, apiToken and apiUrl against the console, and that the instance is paid for')
    : error(problem, 'check the connection to Green-API and try again')
}

function error(problem: string, remedy: string): TransportProblem {
  return { severity: 'error', problem, remedy }
}

function warning(problem: string, remedy: string): TransportProblem {
  return { severity: 'warning', problem, remedy }
}
