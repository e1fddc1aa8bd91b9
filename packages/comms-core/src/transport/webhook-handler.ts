import { isCommsError } from '../errors.ts'
import type { Logger } from '../runtime.ts'
import type { BodyBudget } from './body-budget.ts'
import { KNOWN_ENCODINGS } from './content-encoding.ts'
import { type Ingested, type IngestOptions, ingest } from './ingest.ts'
import type { Transport } from './transport.ts'
import type { WarningLog } from './warning-log.ts'
import { headOf, type RequestOrigin, readWebhookRequest, type WebhookRequest } from './webhook-request.ts'
import { pathKey, type Route, routeTable } from './webhook-routes.ts'

/** What became of one webhook, for logs and metrics. */
export interface WebhookReport extends Omit<Ingested, 'outcome'> {
  /** Absent when the path, or the method at that path, is no transport's. */
  readonly transport?: Transport
  readonly method: string
  readonly path: string
  /**
   * `recorded`: at least one new event. `repeated`: all were known. `empty`: understood, nothing to record. `quarantined`: verified,
   * not understood, kept raw. `spooled`: durable in the spool, the store is away. `refused`: not verified, no whole body, or a method
   * that the path does not take. `too-large`: over the body limit. `unavailable`: neither store nor spool took it, or too many bodies
   * are held. `unknown-path`: no transport has this path.
   */
  readonly outcome: Ingested['outcome'] | 'refused' | 'too-large' | 'unavailable' | 'unknown-path'
  readonly status: number
  readonly durationMs: number
}

export interface WebhookHandlerOptions extends IngestOptions {
  readonly transports: readonly Transport[]
  readonly logger: Logger
  /** Bytes. */
  readonly maxBodyBytes: number
  readonly budget: BodyBudget
  readonly warnings: WarningLog
  readonly onWebhook?: (report: WebhookReport) => void
}

type Answer = Pick<WebhookReport, 'outcome' | 'events' | 'reason'> & { readonly response: Response }

/**
 * The walk of a webhook: authorize, read, verify, parse, append, and only then answer. The success answer means that the events are durable.
 * @throws CommsError `configuration_invalid` when two transports want the same path and method.
 */
export function webhookHandler(options: WebhookHandlerOptions): (request: Request, origin?: RequestOrigin) => Promise<Response> {
  const routes = routeTable(options.transports)
  const known = [...routes].map(([path, methods]) => `${[...methods.keys()].join('/')} ${path}`).join(', ') || 'none'

  return async (request, origin) => {
    const startedAt = options.clock.now()
    const path = new URL(request.url).pathname
    const methods = routes.get(pathKey(path))
    const route = methods?.get(request.method)
    const { response, ...rest } = route
      ? await walk(route, request, origin, options)
      : methods
        ? wrongMethod([...methods.keys()])
        : unknownPath(path)
    const report: WebhookReport = {
      ...rest,
      ...(route ? { transport: route.transport } : {}),
      method: request.method,
      path,
      status: response.status,
      durationMs: options.clock.now() - startedAt,
    }
    warn(report, known, options.warnings)
    try {
      options.onWebhook?.(report)
    } catch (error) {
      options.logger.error('onWebhook threw', { error: text(error) })
    }
    return response
  }
}

const PROBLEMS: Readonly<Partial<Record<WebhookReport['outcome'], string>>> = {
  refused: 'Webhook refused, nothing recorded',
  'too-large': 'Webhook refused, nothing recorded',
  'unknown-path': 'No webhook at this path, nothing recorded',
  quarantined: 'Webhook not understood, kept raw in quarantine',
  spooled: 'The store is away: the webhook waits in the spool, answered with success',
  unavailable: 'Webhook not recorded, answered 503 so that the provider sends it again',
}

function warn({ transport, method, path, outcome, status, reason, events }: WebhookReport, known: string, warnings: WarningLog): void {
  const message = PROBLEMS[outcome]
  if (message === undefined) return
  const eventId = events[0]?.event.id
  const subject = transport?.id ?? 'no transport'
  warnings.warn(`${subject} ${outcome} ${status} ${transport ? reason : ''}`, message, {
    ...(transport ? { transport: transport.id } : { known }),
    method: printable(method),
    path: printable(path),
    status,
    ...(reason === undefined ? {} : { reason }),
    ...(eventId === undefined ? {} : { eventId }),
  })
}

async function walk(
  { transport, endpoint }: Route,
  incoming: Request,
  origin: RequestOrigin | undefined,
  options: WebhookHandlerOptions,
): Promise<Answer> {
  const head = headOf(incoming, origin)
  const unverified = (error: unknown, step: string, headers?: Record<string, string>): Answer => {
    const expected = isCommsError(error, 'webhook_unverified')
    if (!expected) options.logger.error(`${transport.id}: ${step} threw something other than webhook_unverified; the request is refused`)
    const response = answer((expected && error.httpStatus) || 401, 'Not verified', headers)
    return { outcome: 'refused', response, events: [], reason: expected ? error.message : 'verification failed' }
  }
  try {
    await endpoint.authorize?.(head)
  } catch (error) {
    return unverified(error, 'authorize', UNREAD)
  }

  const held = options.budget.open()
  try {
    const { maxBodyBytes } = options
    const { allowEmptyBody } = endpoint
    let request: WebhookRequest
    try {
      request = await readWebhookRequest(incoming, head, { maxBodyBytes, held, allowEmptyBody })
      held.finish()
    } catch (error) {
      return unreadable(error)
    }
    try {
      await endpoint.verify(request)
    } catch (error) {
      return unverified(error, 'verify')
    }
    return await record({ transport, endpoint }, request, options)
  } finally {
    held.release()
  }
}

/** Ends the connection: what is left of the body is not read. */
const UNREAD = { connection: 'close' }

/** The answer to a request whose body could not be read. */
export function unreadable(error: unknown): Answer {
  const reason = text(error)
  if (isCommsError(error, 'webhook_too_large')) {
    return { outcome: 'too-large', response: answer(413, reason, UNREAD), events: [], reason }
  }
  if (isCommsError(error, 'store_overloaded')) {
    const response = answer(503, 'Too much is under way; send it again', { ...retryAfter(error), ...UNREAD })
    return { outcome: 'unavailable', response, events: [], reason }
  }
  const status = (isCommsError(error, 'webhook_unreadable') && error.httpStatus) || 400
  const headers = { ...UNREAD, ...(status === 415 ? { 'accept-encoding': KNOWN_ENCODINGS } : {}) }
  return { outcome: 'refused', response: answer(status, reason, headers), events: [], reason }
}

async function record({ transport, endpoint }: Route, request: WebhookRequest, options: WebhookHandlerOptions): Promise<Answer> {
  try {
    const ingested = await ingest(transport, request, (verified) => endpoint.parse(verified), options)
    return { ...ingested, response: endpoint.acknowledge?.() ?? new Response(null, { status: 200 }) }
  } catch (error) {
    const response = answer(503, 'The event could not be recorded; send it again', retryAfter(error))
    return { outcome: 'unavailable', response, events: [], reason: text(error) }
  }
}

function wrongMethod(allowed: readonly string[]): Answer {
  const reason = `Expected ${allowed.join(' or ')}`
  return { outcome: 'refused', response: answer(405, reason, { allow: allowed.join(', '), ...UNREAD }), events: [], reason }
}

function unknownPath(path: string): Answer {
  const reason = `No webhook at ${printable(path)}`
  return { outcome: 'unknown-path', response: answer(404, reason, UNREAD), events: [], reason }
}

function retryAfter(error: unknown): Record<string, string> {
  return { 'retry-after': String(Math.ceil(((isCommsError(error) && error.retryAfterMs) || 5_000) / 1000)) }
}

/** What a stranger chose, short and on one line. */
function printable(given: string): string {
  return given.slice(0, 200).replace(/[^\x20-\x7e]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function answer(status: number, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ ok: status < 300, error: message }, { status, headers })
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
