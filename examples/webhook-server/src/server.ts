import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { createApp } from './app.ts'
import { openComms } from './comms.ts'
import type { Config } from './config.ts'
import { createLogger } from './log.ts'

export interface Server {
  readonly url: string
  /** Where leads are looked up. */
  readonly crmUrl: string
  /** Takes no new connections, answers what is under way, flushes and closes the log. */
  close(): Promise<void>
}

/** @throws when the log cannot be opened or the port is taken, with the reason in its message. */
export async function startServer(config: Config, log = createLogger(config)): Promise<Server> {
  const running = await openComms(config, log)
  const app = createApp(running, config, log)
  try {
    const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
      const starting = serve({ fetch: app.fetch, hostname: config.host, port: config.port }, () => resolve(starting))
      starting.once('error', reject)
    })
    const { port } = server.address() as AddressInfo
    return {
      crmUrl: running.crmUrl,
      url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`,
      close: async () => {
        const closed = new Promise((resolve) => server.close(resolve))
        if ('closeIdleConnections' in server) server.closeIdleConnections()
        await closed
        await running.close()
      },
    }
  } catch (error) {
    await running.close()
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new Error(`Port ${config.port} on ${config.host} is taken by another process: stop it, or set PORT`)
    }
    throw error
  }
}
