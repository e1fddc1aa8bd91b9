import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import type { Logger } from 'pino'
import type { Running } from './comms.ts'
import type { Config } from './config.ts'
import { authorization } from './routes/authorization.ts'
import { eventRoutes } from './routes/events.ts'
import { figureRoutes, healthRoutes } from './routes/health.ts'
import { messageRoutes } from './routes/messages.ts'
import { errorHandler, problem } from './routes/problem.ts'
import { webhookRoutes } from './routes/webhooks.ts'

/** The routes of the server. `closing` is aborted when it closes, so that nobody keeps it waiting. */
export function createApp(running: Running, config: Config, log: Logger, closing: AbortSignal): Hono {
  const app = new Hono({ strict: false })
  // A connection that is kept open for the next request would hold the server up.
  app.use(async (c, next) => {
    await next()
    if (closing.aborted) c.header('connection', 'close')
  })
  app.use(secureHeaders())
  app.route('/', healthRoutes(running))
  app.route('/webhooks', webhookRoutes(running, config, log))

  app.use('/api/*', async (c, next) => {
    await next()
    c.header('cache-control', 'no-store')
  })
  app.use('/api/*', authorization(config.jwtSecret, log))
  app.route('/api', figureRoutes(running))
  app.route('/api', eventRoutes(running))
  app.route('/api', messageRoutes(running, { defaultRegion: config.defaultRegion, closing }))

  app.notFound((c) => c.json(problem('not_found', `No route ${c.req.method} ${c.req.path}`), 404))
  app.onError(errorHandler(log))
  return app
}
