import { Hono } from 'hono'
import { type Listening, listen } from '../listen.ts'
import { type EspoCredentials, FailedLogins, isAuthentic } from './authentication.ts'
import { EspoDatabase } from './database.ts'
import { fullRow } from './record.ts'
import { MAX_SIZE, search, searchParams, wantedAddresses } from './search.ts'
import { type WebhookDelivery, WebhookQueue } from './webhook-queue.ts'
import { WhereError } from './where.ts'

export interface EspoCrmSimulatorOptions extends EspoCredentials {
  /** Where webhooks go out. @default the global fetch */
  readonly fetch?: typeof globalThis.fetch
  /** Milliseconds since 1970. @default the system's clock */
  readonly now?: () => number
  /** Counting of lists switched off: `total` is -1 when there is more, -2 at the end. @default false */
  readonly withoutTotal?: boolean
}

/** What goes wrong with the simulator from now on. */
export interface EspoCrmFaults {
  /** Every answer takes this long, in milliseconds. */
  latencyMs?: number
  /** Every request for which it gives a status is answered with that: as a proxy does it, HTML. */
  failWith?: () => number | undefined
}

export interface EspoCrmSimulator {
  /** Answers one request without a network. */
  readonly fetch: (request: Request) => Promise<Response>
  /** Makes a record, as a user in the CRM does it, and tells the webhooks. `phoneNumbers` and `emailAddresses`: the first is the primary one. */
  create(entityType: string, attributes: Record<string, unknown>): string
  /** Changes a record and tells the webhooks. */
  update(entityType: string, id: string, attributes: Record<string, unknown>): void
  remove(entityType: string, id: string): void
  /** The records of a type, as single reads show them. */
  records(entityType: string): readonly Record<string, unknown>[]
  /** Runs the job that sends the webhooks. */
  processWebhooks(): Promise<readonly WebhookDelivery[]>
  readonly faults: EspoCrmFaults
  /** Requests answered so far, by method and path, in order. */
  readonly requests: readonly string[]
}

/**
 * An EspoCRM that answers the calls of a lead directory as the real one does: search with its semantics, single reads, creating with the
 * check for duplicates, webhooks with both signatures, the lock after failed logins.
 * https://docs.espocrm.com/development/api/
 * @example
 * const crm = espoCrmSimulator({ apiKey: 'key-for-tests' })
 * crm.create('Lead', { name: 'Alex Martin', phoneNumbers: ['+33639980001'] })
 */
export function espoCrmSimulator(options: EspoCrmSimulatorOptions): EspoCrmSimulator {
  const now = options.now ?? Date.now
  const queue = new WebhookQueue(options.fetch ?? ((...call) => globalThis.fetch(...call)))
  const database = new EspoDatabase(now, (event, item) => queue.tell(event, item))
  const logins = new FailedLogins()
  const faults: EspoCrmFaults = {}
  const requests: string[] = []
  const app = new Hono().basePath('/api/v1')

  app.use(async (c, next) => {
    const path = new URL(c.req.url).pathname.replace(/^\/api\/v1\//, '')
    requests.push(`${c.req.method} ${path}`)
    if (faults.latencyMs) await new Promise((resolve) => setTimeout(resolve, faults.latencyMs))
    const failure = faults.failWith?.()
    if (failure !== undefined) return c.html('<html><h1>Service Unavailable</h1></html>', failure as 503)
    if (logins.isLocked(now())) return refused(403, 'Max failed login attempts exceeded for IP address 127.0.0.1.')
    if (!isAuthentic(c.req.raw.headers, c.req.method, path, options)) {
      logins.deny(now())
      return new Response(null, { status: 401 })
    }
    await next()
  })
  app.get('/:entityType', (c) => {
    const entityType = c.req.param('entityType')
    if (!database.has(entityType)) return refused(404, `Unknown entity type ${entityType}`)
    try {
      const params = searchParams(new URL(c.req.url).searchParams)
      if (params.maxSize > MAX_SIZE) return refused(403, `Max size should not exceed ${MAX_SIZE}. Use offset and limit.`)
      const wanted = wantedAddresses(params)
      const { total, list } = search(wanted ? database.holders(entityType, wanted) : database.all(entityType), params)
      if (!options.withoutTotal && c.req.header('x-no-total') !== 'true') return c.json({ total, list })
      return c.json({ total: params.offset + list.length < total ? -1 : -2, list })
    } catch (error) {
      if (error instanceof WhereError || error instanceof SyntaxError) return refused(400, error.message)
      throw error
    }
  })
  app.get('/:entityType/:id', (c) => {
    const record = database.find(c.req.param('entityType'), c.req.param('id'))
    return record ? c.json(fullRow(record)) : refused(404, 'Record does not exist.')
  })
  app.post('/Webhook', async (c) => {
    const { event, url } = await c.req.json<{ event: string; url: string }>()
    const webhook = { ...database.newWebhookNames(), event, url, isActive: true }
    queue.add(webhook)
    return c.json({ ...webhook, skipOwn: false }, 201)
  })
  app.post('/:entityType', async (c) => {
    const entityType = c.req.param('entityType')
    if (!database.has(entityType)) return refused(404, `Unknown entity type ${entityType}`)
    const body = await c.req.text()
    // PHP takes no half of a surrogate pair: JSON_ERROR_UTF16.
    if (hasLoneSurrogate(body)) return refused(400, 'Bad JSON')
    const attributes = JSON.parse(body) as Record<string, unknown>
    // Espo/Classes/Acl/Note/AccessChecker: to post, the user must see the parent.
    if (entityType === 'Note' && database.isRemoved(String(attributes.parentType), String(attributes.parentId))) return refused(403, '')
    if (c.req.header('x-skip-duplicate-check') !== 'true') {
      const duplicates = database.duplicatesOf(entityType, attributes)
      if (duplicates.length > 0) return Response.json(duplicates.map(fullRow), { status: 409, headers: { 'x-status-reason': 'duplicate' } })
    }
    return c.json(fullRow(database.create(entityType, attributes)), 201)
  })
  app.put('/:entityType/:id', async (c) => {
    const record = database.update(c.req.param('entityType'), c.req.param('id'), await c.req.json<Record<string, unknown>>())
    return record ? c.json(fullRow(record)) : refused(404, 'Record does not exist.')
  })

  return {
    fetch: async (request) => app.fetch(request),
    create: (entityType, attributes) => database.create(entityType, attributes).id,
    update: (entityType, id, attributes) => {
      database.update(entityType, id, attributes)
    },
    remove: (entityType, id) => database.remove(entityType, id),
    records: (entityType) => [...database.all(entityType)].filter(({ deleted }) => !deleted).map(fullRow),
    processWebhooks: () => queue.process(),
    faults,
    requests,
  }
}

function hasLoneSurrogate(json: string): boolean {
  let found = false
  JSON.parse(json, (_, value) => {
    if (typeof value === 'string' && /\p{Cs}/u.test(value)) found = true
    return value
  })
  return found
}

/** The reason stands in a header, the body is empty. */
function refused(status: number, reason: string): Response {
  return new Response(null, { status, headers: { 'x-status-reason': reason } })
}

/** Listens on loopback. */
export function serveEspoCrm(simulator: EspoCrmSimulator, port = 0): Promise<Listening> {
  return listen(simulator.fetch, port)
}
