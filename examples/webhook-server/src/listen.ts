import type { Server } from 'node:http'
import { serve } from '@hono/node-server'

/** How long a caller may hold a connection, and how many there may be. Times are in milliseconds. */
export interface ConnectionLimits {
  /** From the connection, or the request before, until all headers are here. */
  readonly headersTimeout: number
  /** Until the whole request is here. How long the answer takes is not limited. */
  readonly requestTimeout: number
  /** How often the two are looked at. */
  readonly connectionsCheckingInterval: number
  /** Longer than a proxy keeps its connections, so that it never sends a webhook over one that closes at this moment. */
  readonly keepAliveTimeout: number
  /** More are closed at once. */
  readonly maxConnections: number
}

/** nginx keeps a connection for 60 seconds. https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_timeout */
const LIMITS: ConnectionLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
  keepAliveTimeout: 65_000,
  maxConnections: 1_000,
}

/** Begins to take requests. @throws what `listen` throws, such as EADDRINUSE. */
export function listen(
  fetch: Parameters<typeof serve>[0]['fetch'],
  { hostname, port, limits = LIMITS }: { readonly hostname: string; readonly port: number; readonly limits?: ConnectionLimits },
): Promise<Server> {
  const { maxConnections, ...serverOptions } = limits
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname, port, serverOptions }, () => resolve(server)) as Server
    server.maxConnections = maxConnections
    server.once('error', reject)
  })
}
