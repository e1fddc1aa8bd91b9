import { CommsError } from '../errors.ts'
import type { Transport, WebhookEndpoint } from './transport.ts'

/** One address that a provider calls, and who answers there. */
export interface Route {
  readonly transport: Transport
  readonly endpoint: WebhookEndpoint
}

/** By path, see {@link pathKey}, and method. */
export type RouteTable = ReadonlyMap<string, ReadonlyMap<string, Route>>

/** Paths that differ in a slash at the end, or in doubled slashes, are one path. */
export function pathKey(path: string): string {
  const single = path.replace(/\/{2,}/g, '/')
  return single.length > 1 && single.endsWith('/') ? single.slice(0, -1) : single
}

/** @throws CommsError `configuration_invalid` when two transports want the same path and method. */
export function routeTable(transports: readonly Transport[]): RouteTable {
  const routes = new Map<string, Map<string, Route>>()
  for (const transport of transports) {
    for (const endpoint of transport.webhooks ?? []) {
      const path = pathKey(endpoint.path)
      const methods = routes.get(path) ?? new Map<string, Route>()
      routes.set(path, methods)
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
