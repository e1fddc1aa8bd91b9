import { CommsError, isCommsError } from '../errors.ts'
import type { Logger } from '../runtime.ts'
import { type Ingested, type IngestOptions, ingest } from './ingest.ts'
import type { Transport, WebhookEndpoint } from './transport.ts'
import { type RequestOrigin, readWebhookRequest, type WebhookRequest } from './webhook-request.ts'

/** What became of one webhook, for logs and metrics. */
export interface WebhookReport extends Omit<Ingested, 'outcome'> {
  readonly transport: Transport
  /**
   * `recorded`: at least one new event. `repeated`: all were known. `empty`: understood, nothing to record. `quarantined`: verified,
   * not understood, kept raw. `spooled`: durable in the spool, the store is away. `refused`: not verified. `too-large`: over the body
   * limit. `unavailable`: neither store nor spool took it.
   */
  readonly outcome: Ingested['outcome'] | 'refused' | 'too-large' | 'unavailable'
  readonly status: number
  readonly durationMs: number
}

export interface WebhookHandlerOptions extends IngestOptions {
  readonly transports: readonly Transport[]
  readonly logger: Logger
  /** Bytes. */
  readonly maxBodyBytes: number
  readonly onWebhook?: (report: WebhookReport) => void
}

type Answer = Omit<WebhookReport, 'transport' | 'status' | 'durationMs'> & { readonly response: Response }

/**
 * The walk of a webhook: verify, parse, append, and only then answer. The success answer means that the events are durable.
 * @throws CommsError `configuration_invalid` when two transports want the same path and method.
 */
export function webhookHandler(options: WebhookHandlerOptions): (request: Request, origin?: RequestOrigin) => Promise<Response> {
  const routes = routeTable(options.transports)

  return async (request, origin) => {
    const path = new URL(request.url).pathname
    const route = routes.get(path)
    if (!route) return answer(404, `No webhook at ${path}`)
    const served = route.get(request.method)
    if (!served) return answer(405, `Expected ${[...route.keys()].join(' or ')}`, { allow: [...route.keys()].join(', ') })

    const startedAt = options.clock.now()
    const { response, ...rest } = await walk(served, request, origin, options)
    const report = { ...rest, transport: served.transport, status: response.status, durationMs: options.clock.now() - startedAt }
    try {
      options.onWebhook?.(report)
    } catch (error) {
      options.logger.error('onWebhook threw', { error: text(error) })
    }
    return response
  }
}

interface Route {
  readonly transport: Transport
  readonly endpoint: WebhookEndpoint
}

function routeTable(transports: readonly Transport[]): Map<string, Map<string, Route>> {
  const routes = new Map<string, Map<string, Route>>()
  for (const transport of transports) {
    for (const endpoint of transport.webhooks ?? []) {
      const methods = routes.get(endpoint.path) ?? new Map<string, Route>()
      routes.set(endpoint.path, methods)
      for (const method of endpoint.methods) {
        const taken = methods.get(method)
        if (taken) {
          const both = `${taken.transport.id} and ${transport.id}`
          throw new CommsError('configuration_invalid', `${method} ${endpoint.path} is wanted by two transports: ${both}`)
        }
        methods.set(method, { transport, endpoint })
      }
    }
  }
  return routes
}

async function walk(
  { transport, endpoint }: Route,
  incoming: Request,
  origin: RequestOrigin | undefined,
  options: WebhookHandlerOptions,
): Promise<Answer> {
  let request: WebhookRequest
  try {
    request = await readWebhookRequest(incoming, options.maxBodyBytes, origin)
  } catch (error) {
    if (isCommsError(error, 'webhook_too_large'))
      return { outcome: 'too-large', response: answer(413, error.message), events: [], reason: error.message }
    // The sender went away in the middle of its body: nobody hears this answer, and nothing is recorded.
    return { outcome: 'refused', response: answer(400, 'The body could not be read'), events: [], reason: 'the body could not be read' }
  }

  try {
    await endpoint.verify(request)
  } catch (error) {
    const expected = isCommsError(error, 'webhook_unverified')
    if (!expected) options.logger.error(`${transport.id}: verify threw something other than webhook_unverified; the request is refused`)
    const reason = expected ? error.message : 'verification failed'
    const status = (expected && error.httpStatus) || 401
    return { outcome: 'refused', response: answer(status, 'Not verified'), events: [], reason }
  }

  try {
    const ingested = await ingest(transport, request, (verified) => endpoint.parse(verified), options)
    return { ...ingested, response: endpoint.acknowledge?.() ?? new Response(null, { status: 200 }) }
  } catch (error) {
    const retryAfter = { 'retry-after': String(Math.ceil(((isCommsError(error) && error.retryAfterMs) || 5_000) / 1000)) }
    const response = answer(503, 'The event could not be recorded; send it again', retryAfter)
    return { outcome: 'unavailable', response, events: [], reason: text(error) }
  }
}

function answer(status: number, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ ok: status < 300, error: message }, { status, headers })
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
