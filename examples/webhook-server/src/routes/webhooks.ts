import { getConnInfo } from '@hono/node-server/conninfo'
import type { RequestOrigin } from '@pipe-comms/core'
import { type Context, Hono } from 'hono'
import type { Logger } from 'pino'
import type { Running } from '../comms.ts'
import type { Config } from '../config.ts'
import { remoteAddress } from '../remote-address.ts'

/** What providers call, and what shows an operator that they can. */
export function webhookRoutes({ comms }: Running, config: Config, log: Logger): Hono {
  const { sandbox } = config
  const addressOf = remoteAddress(config.trustedProxies)
  const originOf = (c: Context): RequestOrigin => {
    const address = addressOf(getConnInfo(c).remote.address, c.req.header('x-forwarded-for'))
    return address === undefined ? {} : { remoteAddress: address }
  }
  const app = new Hono({ strict: false })

  // Open to everybody, so no account is named.
  app.get('/greenapi/status', (c) => c.json({ ok: true, service: 'greenapi-webhook', simulated: sandbox.greenApi }))
  app.all('/greenapi', (c) => {
    log.info(`WEBHOOK GREEN-API ENTRANT ${c.req.method} ${c.req.path}`)
    return comms.handle(c.req.raw, originOf(c))
  })

  app.get('/twilio-sms/status-check', (c) => c.json({ ok: true, service: 'twilio-sms-webhook', simulated: sandbox.twilio }))
  app.on(['GET', 'POST'], ['/twilio-sms/incoming', '/twilio-sms/status'], (c) => {
    log.info(`WEBHOOK TWILIO ENTRANT ${c.req.method} ${c.req.path}`)
    return comms.handle(c.req.raw, originOf(c))
  })

  // Every other path as well: core answers, logs and counts a path that no transport has.
  app.all('/*', (c) => comms.handle(c.req.raw, originOf(c)))
  return app
}
