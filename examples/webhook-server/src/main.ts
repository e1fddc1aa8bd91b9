import { loadConfig } from './config.ts'
import { readEnvFile } from './env-file.ts'
import { createLogger } from './log.ts'
import { startServer } from './server.ts'
import { welcome } from './welcome.ts'

/** Longer than any webhook takes; what has not ended by then will not. */
const SHUTDOWN_MS = 10_000

try {
  const file = readEnvFile('.env')
  const config = loadConfig({ ...file?.variables, ...process.env })
  const log = createLogger(config)
  if (file?.problem) log.warn(file.problem)
  const server = await startServer(config, log)
  process.stdout.write(`\n${welcome(config, server, file)}\n`)

  let stopping = false
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) return process.exit(1)
    stopping = true
    log.info(`${signal}: answering what is under way, then closing the log`)
    const late = setTimeout(() => {
      log.error(`Not closed within ${SHUTDOWN_MS / 1000} s, leaving`)
      process.exit(1)
    }, SHUTDOWN_MS)
    await server.close()
    clearTimeout(late)
    log.info('Closed')
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
} catch (error) {
  process.stderr.write(`\nThe server did not start. ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
