import { Hono } from 'hono'
import type { Running } from '../comms.ts'

/** `GET /healthz`: that the process answers, and how much waits. */
export function healthRoutes({ comms, store, webhooks }: Running): Hono {
  const startedAt = Date.now()
  return new Hono().get('/healthz', (c) =>
    c.json({
      ok: true,
      uptimeSeconds: Math.round((Date.now() - startedAt) / 1000),
      cache: store.state(),
      outbox: comms.outboxState(),
      leads: comms.leadState?.(),
      webhooks,
    }),
  )
}
