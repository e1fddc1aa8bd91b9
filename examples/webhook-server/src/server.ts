import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { createApp } from './app.ts'
import { openComms } from './comms.ts'
import type { Config } from './config.ts'
import { createLogger } from './log.ts'
import type { Hint } from './sandbox/peer.ts'
import { openSandbox } from './sandbox/sandbox.ts'

export interface Server {
  readonly url: string
  /** What the start-up lines say of the simulated peers. */
  readonly sandboxLines: readonly string[]
  /** What to try with them. */
  readonly hints: readonly Hint[]
  /** Takes no new connections, answers what is under way, flushes and closes the log. */
  close(): Promise<void>
}

/** @throws when the log cannot be opened or the port is taken, with the reason in its message. */
export async function startServer(given: Config, log = createLogger(given)): Promise<Server> {
  const sandbox = await openSandbox(given)
  const { config } = sandbox
  const running = await openComms(config, log).catch(async (error) => {
    await sandbox.close()
    throw error
  })
  const app = createApp(running, config, log)
  try {
    const server = await new Promise<ReturnType<typeof serve>>((resolve, reject) => {
      const starting = serve({ fetch: app.fetch, hostname: config.host, port: config.port }, () => resolve(starting))
      starting.once('error', reject)
    })
    const { port } = server.address() as AddressInfo
    const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
    sandbox.connect(url)
    return {
      url,
      sandboxLines: sandbox.lines,
      hints: sandbox.hints,
      close: async () => {
        await sandbox.close()
        const closed = new Promise((resolve) => server.close(resolve))
        if ('closeIdleConnections' in server) server.closeIdleConnections()
        await closed
        await running.comms.close()
      },
    }
  } catch (error) {
    await sandbox.close()
    await running.comms.close()
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new Error(`Port ${config.port} on ${config.host} is taken by another process: stop it, or set PORT`)
    }
    throw error
  }
}
