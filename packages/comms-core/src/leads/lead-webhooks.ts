import { CommsError, isCommsError } from '../errors.ts'
import type { ContactAddress } from '../events/contact-address.ts'
import type { Logger } from '../runtime.ts'
import type { BodyBudget } from '../transport/body-budget.ts'
import type { WarningLog } from '../transport/warning-log.ts'
import { unreadable } from '../transport/webhook-handler.ts'
import { headOf, readWebhookRequest, type WebhookRequest } from '../transport/webhook-request.ts'
import { pathKey } from '../transport/webhook-routes.ts'
import type { LeadDirectory, LeadWebhook } from './lead-directory.ts'

export interface LeadWebhookOptions {
  readonly directory: LeadDirectory
  readonly maxBodyBytes: number
  readonly budget: BodyBudget
  readonly warnings: WarningLog
  readonly logger: Logger
  readonly onChanged: (addresses: readonly ContactAddress[]) => void
}

/** A CRM gives up on an answer after about ten seconds; it asks again when it hears 503 in time. */
const TIMEOUT_MS = 8_000

/** Answers the webhooks of a directory. Nothing for a path that is not one of its. */
export function leadWebhookHandler(options: LeadWebhookOptions): (request: Request) => Promise<Response> | undefined {
  const { directory } = options
  const routes = new Map<string, LeadWebhook>()
  for (const webhook of directory.changes?.webhooks ?? []) {
    const path = pathKey(webhook.path)
    if (routes.has(path)) throw new CommsError('configuration_invalid', `${directory.id} has two webhooks at ${webhook.path}`)
    routes.set(path, webhook)
  }
  return (request) => {
    const webhook = routes.get(pathKey(new URL(request.url).pathname))
    return webhook && answerTo(webhook, request, options)
  }
}

async function answerTo(webhook: LeadWebhook, incoming: Request, options: LeadWebhookOptions): Promise<Response> {
  if (!webhook.methods.includes(incoming.method)) {
    return answer(405, `Expected ${webhook.methods.join(' or ')}`, { allow: webhook.methods.join(', ') })
  }
  const held = options.budget.open()
  try {
    let request: WebhookRequest
    try {
      request = await readWebhookRequest(incoming, headOf(incoming), { maxBodyBytes: options.maxBodyBytes, held })
      held.finish()
    } catch (error) {
      const { response, reason } = unreadable(error)
      options.warnings.warn(`leads ${reason}`, `Leads: a webhook of ${options.directory.id} could not be read`, {
        path: webhook.path,
        reason,
      })
      return response
    }
    return await actUpon(webhook, request, options)
  } finally {
    held.release()
  }
}

async function actUpon(webhook: LeadWebhook, request: WebhookRequest, options: LeadWebhookOptions): Promise<Response> {
  const { directory, logger, warnings, onChanged } = options
  try {
    await webhook.verify(request)
  } catch (error) {
    const reason = isCommsError(error, 'webhook_unverified') ? error.message : 'verification failed'
    warnings.warn(`leads ${reason}`, `Leads: a webhook of ${directory.id} was refused`, { path: webhook.path, reason })
    return answer((isCommsError(error) && error.httpStatus) || 401, 'Not verified')
  }
  try {
    const addresses = await webhook.changed(request, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    onChanged(addresses)
    logger.debug(`Leads: ${directory.id} tells of a change`, { path: webhook.path, addresses: addresses.length })
    return answer(200)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    warnings.warn(`leads ${reason}`, `Leads: a webhook of ${directory.id} could not be acted upon`, { path: webhook.path, reason })
    // What is not understood now is not understood later either: the schedule finds what it told of.
    return isCommsError(error, 'webhook_unparsable') ? answer(200) : answer(503, 'Send it again')
  }
}

function answer(status: number, error?: string, headers: Record<string, string> = {}): Response {
  return Response.json({ ok: status < 300, ...(error === undefined ? {} : { error }) }, { status, headers })
}
