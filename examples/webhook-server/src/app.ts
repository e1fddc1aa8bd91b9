import { isCommsError, type RecordedEvent } from '@pipe-comms/core'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { jwt } from 'hono/jwt'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Running } from './comms.ts'
import type { Config } from './config.ts'

const MAX_LIMIT = 1000
const pageSchema = z.object({
  after: z.string().min(1).optional(),
  limit: z.coerce.number('expected a number').int('expected a whole number').min(1).max(MAX_LIMIT).default(100),
})

/** The routes of the server. */
export function createApp({ comms, store, webhooks }: Running, config: Config, log: Logger): Hono {
  const app = new Hono()
  const startedAt = Date.now()

  app.get('/healthz', (c) =>
    c.json({
      ok: true,
      uptimeSeconds: Math.round((Date.now() - startedAt) / 1000),
      cache: store.state(),
      webhooks,
      leads: comms.leadState?.(),
    }),
  )

  app.get('/webhooks/greenapi/status', (c) =>
    c.json({ ok: true, service: 'greenapi-webhook', instance: config.greenApi.instanceId, simulated: config.sandbox.greenApi }),
  )
  app.all('/webhooks/greenapi', (c) => {
    log.info(`WEBHOOK GREEN-API ENTRANT ${c.req.method} ${c.req.path}`)
    return comms.handle(c.req.raw)
  })

  app.post('/webhooks/espocrm/:event', (c) => comms.handle(c.req.raw))

  app.use('/api/*', jwt({ secret: config.jwtSecret, alg: 'HS256' }))
  app.get('/api/events', async (c) => {
    const page = pageSchema.safeParse(c.req.query())
    if (!page.success) {
      const problems = page.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
      return c.json(problem('query_invalid', problems.join('; ')), 400)
    }
    const { after, limit } = page.data
    const events: RecordedEvent[] = []
    let more = false
    for await (const event of store.readAll(after === undefined ? {} : { after })) {
      more = events.length === limit
      if (more) break
      events.push(event)
    }
    return c.json({ events, next: more ? events.at(-1)?.position : null })
  })

  app.notFound((c) => c.json(problem('not_found', `No route ${c.req.method} ${c.req.path}`), 404))
  app.onError((error, c) => {
    if (error instanceof HTTPException) {
      const message = error.status === 401 ? 'Expected Authorization: Bearer <JWT signed with JWT_SECRET, HS256>' : error.message
      return c.json(problem('unauthorized', message), error.status, { 'www-authenticate': 'Bearer' })
    }
    if (isCommsError(error, 'position_invalid')) return c.json(problem(error.code, error.message), 400)
    log.error({ error: error.message }, `${c.req.method} ${c.req.path} failed`)
    return isCommsError(error) && error.code.startsWith('store_')
      ? c.json(problem(error.code, 'The event log cannot be read now'), 503)
      : c.json(problem('internal', 'Internal error'), 500)
  })
  return app
}

function problem(code: string, message: string) {
  return { success: false, error: { code, message } }
}
