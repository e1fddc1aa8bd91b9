import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { localOnly } from './local-only.ts'

export interface Listening {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string
  /** Cuts what is under way. */
  close(): Promise<void>
}

/** Serves an application on loopback, to this machine alone. Port 0 is any free one. */
export async function listen(fetch: Parameters<typeof serve>[0]['fetch'], port = 0): Promise<Listening> {
  const hostname = '127.0.0.1'
  const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
    const starting = serve({ fetch: localOnly(fetch), hostname, port }, () => resolve(starting))
    starting.once('error', reject)
  })
  return {
    url: `http://${hostname}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        if ('closeAllConnections' in server) server.closeAllConnections()
      }),
  }
}
