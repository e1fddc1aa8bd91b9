import { getConnInfo } from '@hono/node-server/conninfo'
import { type Context, Hono } from 'hono'
import type { Running } from '../comms.ts'
import { isOwnNetwork } from '../remote-address.ts'

/** `GET /healthz`: that the process lives. `GET /readyz`: whether it can do its work, 503 with the reasons when not. */
export function healthRoutes({ health }: Running): Hono {
  const startedAt = Date.now()
  return new Hono()
    .get('/healthz', (c) => c.json({ ok: true, uptimeSeconds: Math.round((Date.now() - startedAt) / 1000) }))
    .get('/readyz', async (c) => {
      const { ok, checks } = await health.report()
      const failing = checks.filter(({ problems }) => problems.length > 0)
      // A stranger learns which part fails; hosts, paths and accounts are for who runs the server.
      const reasons = isStranger(c) ? failing.map(({ name }) => ({ check: name })) : failing.flatMap(withReasons)
      return c.json(ok ? { ok } : { ok, reasons }, ok ? 200 : 503, { 'cache-control': 'no-store' })
    })
}

function withReasons({ name, problems }: Awaited<ReturnType<Running['health']['report']>>['checks'][number]) {
  return problems.map(({ problem, remedy }) => ({ check: name, problem, remedy }))
}

/** Behind a proxy every connection is near, and without one anybody can write `X-Forwarded-For`: both addresses must be near. */
function isStranger(c: Context): boolean {
  const forwarded = c.req.header('x-forwarded-for')?.split(',').at(-1)?.trim()
  return [getConnInfo(c).remote.address, forwarded ?? '127.0.0.1'].some((seen) => seen === undefined || !isOwnNetwork(seen))
}

/** `GET /health` under `/api`: every check, and the figures of this process. */
export function figureRoutes({ comms, store, webhooks, health, spool }: Running): Hono {
  return new Hono().get('/health', async (c) =>
    c.json({
      ...(await health.report()),
      cache: store.state(),
      outbox: comms.outboxState(),
      leads: comms.leadState?.(),
      webhooks,
      spooled: (await spool?.size()) ?? 0,
    }),
  )
}
