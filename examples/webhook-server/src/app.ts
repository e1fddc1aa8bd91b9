import { Hono } from 'hono'
import { jwt } from 'hono/jwt'
import type { Logger } from 'pino'
import type { Running } from './comms.ts'
import type { Config } from './config.ts'
import { eventRoutes } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
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
  app.route('/', healthRoutes(running))
  app.route('/webhooks', webhookRoutes(running, config, log))

  app.use('/api/*', jwt({ secret: config.jwtSecret, alg: 'HS256' }))
  app.route('/api', eventRoutes(running))
  app.route('/api', messageRoutes(running, { defaultRegion: config.defaultRegion, closing }))

  app.notFound((c) => c.json(problem('not_found', `No route ${c.req.method} ${c.req.path}`), 404))
  app.onError(errorHandler(log))
  return app
}
