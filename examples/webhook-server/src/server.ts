import type { AddressInfo } from 'node:net'
import { sign } from 'hono/jwt'
import type { Logger } from 'pino'
import { createApp } from './app.ts'
import { openComms } from './comms.ts'
import type { Config } from './config.ts'
import { listen } from './listen.ts'
import { createLogger } from './log.ts'
import type { Hint } from './sandbox/peer.ts'
import { openSandbox } from './sandbox/sandbox.ts'
import { writeSandboxFile } from './sandbox/sandbox-file.ts'

const SANDBOX_TOKEN_SECONDS = 86_400

export interface Server {
  readonly url: string
  /** What the start-up lines say of the simulated peers. */
  readonly sandboxLines: readonly string[]
  /** What to try with them. */
  readonly hints: readonly Hint[]
  /** Opens `/api` for a day; only where JWT_SECRET is generated. */
  readonly token?: string
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
  const closing = new AbortController()
  const app = createApp(running, config, log, closing.signal)
  try {
    const server = await listen(app.fetch, { hostname: config.host, port: config.port })
    const { port } = server.address() as AddressInfo
    const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
    sandbox.connect(url)
    running.health.start()
    const token = config.sandbox.jwtSecret ? await sandboxToken(config) : undefined
    const variables = { ...(token === undefined ? {} : { TOKEN: token }), ...sandbox.variables }
    const file = Object.keys(variables).length > 0 ? await sandboxFile({ BASE_URL: url, ...variables }, config, log) : undefined
    return {
      url,
      sandboxLines: sandbox.lines,
      hints: sandbox.hints,
      ...(token === undefined ? {} : { token }),
      close: async () => {
        closing.abort()
        running.health.stop()
        await file?.remove()
        await sandbox.close()
        const closed = new Promise((resolve) => server.close(resolve))
        server.closeIdleConnections()
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

/** The server does without it when it cannot be written. */
function sandboxFile(variables: Record<string, string>, { logsDir }: Config, log: Logger) {
  return writeSandboxFile(logsDir, variables).catch((error: Error) => {
    log.warn({ error: error.message }, 'sandbox.env is not written: scripts must be told BASE_URL and TOKEN')
    return undefined
  })
}

function sandboxToken({ jwtSecret }: Config): Promise<string> {
  return sign({ sub: 'sandbox', exp: Math.floor(Date.now() / 1000) + SANDBOX_TOKEN_SECONDS }, jwtSecret, 'HS256')
}
