import { CommsError, isCommsError } from '../errors.ts'
import type { NewEvent } from '../events/message-event.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import type { Clock, IdSource, Logger } from '../runtime.ts'
import type { AppendRequest, EventStore } from '../store/event-store.ts'
import type { Spool } from '../store/spool.ts'
import { quarantineFact } from './quarantine.ts'
import type { Transport, WebhookEndpoint } from './transport.ts'
import { readWebhookRequest, type WebhookRequest } from './webhook-request.ts'

/** What became of one webhook, for logs and metrics. */
export interface WebhookReport {
  readonly transport: Transport
  /**
   * `recorded`: at least one new event. `repeated`: all were known. `empty`: understood, nothing to record. `quarantined`: verified,
   * not understood, kept raw. `spooled`: durable in the spool, the store is away. `refused`: not verified. `too-large`: over the body limit. `unavailable`: the store did not take it.
   */
  readonly outcome: 'recorded' | 'repeated' | 'empty' | 'quarantined' | 'spooled' | 'refused' | 'too-large' | 'unavailable'
  readonly status: number
  /** What the log now holds of it, repeats included. */
  readonly events: readonly { readonly event: RecordedEvent; readonly repeated: boolean }[]
  /** Why, unless it was recorded. Holds no secret and no body. */
  readonly reason?: string
  readonly durationMs: number
}

export interface WebhookHandlerOptions {
  readonly transports: readonly Transport[]
  readonly store: EventStore
  readonly clock: Clock
  readonly ids: IdSource
  readonly logger: Logger
  /** Bytes. */
  readonly maxBodyBytes: number
  readonly spool?: Spool
  readonly onSpooled?: () => void
  readonly onWebhook?: (report: WebhookReport) => void
}

type Answer = Omit<WebhookReport, 'transport' | 'status' | 'durationMs'> & { readonly response: Response }

/**
 * The walk of a webhook: verify, parse, append, and only then answer. The success answer means that the events are durable.
 * @throws CommsError `configuration_invalid` when two transports want the same path and method.
 */
export function webhookHandler(options: WebhookHandlerOptions): (request: Request) => Promise<Response> {
  const routes = routeTable(options.transports)

  return async (request) => {
    const path = new URL(request.url).pathname
    const route = routes.get(path)
    if (!route) return answer(404, `No webhook at ${path}`)
    const served = route.get(request.method)
    if (!served) return answer(405, `Expected ${[...route.keys()].join(' or ')}`, { allow: [...route.keys()].join(', ') })

    const startedAt = options.clock.now()
    const { response, ...rest } = await walk(served, request, options)
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

async function walk({ transport, endpoint }: Route, incoming: Request, options: WebhookHandlerOptions): Promise<Answer> {
  let request: WebhookRequest
  try {
    request = await readWebhookRequest(incoming, options.maxBodyBytes)
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

  const success = () => endpoint.acknowledge?.() ?? new Response(null, { status: 200 })
  const spooled = (reason: string): Answer => ({ outcome: 'spooled', events: [], response: success(), reason })
  const quarantine = async (reason: string): Promise<Answer> => {
    const event = createEvent(await quarantineFact(transport, request, reason), options)
    const kept = await record([event], options)
    return kept.spooled === undefined ? { outcome: 'quarantined', events: kept.events, response: success(), reason } : spooled(kept.spooled)
  }
  try {
    let parsed: NewEvent[]
    try {
      parsed = (await endpoint.parse(request)).map((fact) => createEvent(fact, options))
    } catch (error) {
      return await quarantine(text(error))
    }
    if (parsed.length === 0) return { outcome: 'empty', response: success(), events: [] }
    try {
      const kept = await record(parsed, options)
      if (kept.spooled !== undefined) return spooled(kept.spooled)
      const { events } = kept
      return { outcome: events.every(({ repeated }) => repeated) ? 'repeated' : 'recorded', events, response: success() }
    } catch (error) {
      // An event that can never be stored would come again for ever and block those behind it.
      if (isCommsError(error, 'event_invalid')) return await quarantine(error.message)
      throw error
    }
  } catch (error) {
    const retryAfter = { 'retry-after': String(Math.ceil(((isCommsError(error) && error.retryAfterMs) || 5_000) / 1000)) }
    const response = answer(503, 'The event could not be recorded; send it again', retryAfter)
    return { outcome: 'unavailable', response, events: [], reason: text(error) }
  }
}

/** One request a stream: what concerns one contact is recorded whole or not at all. */
export function appendRequests(events: readonly NewEvent[]): AppendRequest[] {
  const streams = new Map<string, NewEvent[]>()
  for (const event of events) {
    const streamId = streamIdOf(event)
    const stream = streams.get(streamId)
    if (stream) stream.push(event)
    else streams.set(streamId, [event])
  }
  return [...streams].map(([streamId, streamEvents]) => ({ streamId, events: streamEvents }))
}

interface Kept {
  readonly events: Answer['events']
  /** Why they wait in the spool instead of being in the log. */
  readonly spooled?: string
}

/** Into the log, or, while the store is away, into the spool. When it returns, the events are durable. */
async function record(events: readonly NewEvent[], { store, spool, onSpooled }: WebhookHandlerOptions): Promise<Kept> {
  const requests = appendRequests(events)
  try {
    const results = await store.append(requests)
    return {
      events: results.flatMap((result) => {
        if (result.status === 'recorded') return result.events
        throw new CommsError('store_unavailable', 'The store answered a conflict to an append without expectedVersion')
      }),
    }
  } catch (error) {
    if (!spool || !isCommsError(error, 'store_unavailable')) throw error
    await spool.put(requests)
    onSpooled?.()
    return { events: [], spooled: error.message }
  }
}

function answer(status: number, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ ok: status < 300, error: message }, { status, headers })
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
