import { loadConfig } from './config.ts'
import { readEnvFile } from './env-file.ts'
import { createLogger } from './log.ts'
import { startServer } from './server.ts'
import { welcome } from './welcome.ts'

/** Longer than any webhook takes; what has not ended by then will not. */
const SHUTDOWN_MS = 10_000
const SAME_SIGNAL_MS = 1_000

// When whoever reads the log ends, the server goes on: a webhook is worth more than a line about it.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

try {
  const file = readEnvFile('.env')
  const config = loadConfig({ ...file?.variables, ...process.env })
  const log = createLogger(config)
  if (file?.problem) log.warn(file.problem)
  const starting = startServer(config, log)

  let stoppingSince: number | undefined
  const stop = async (signal: NodeJS.Signals) => {
    if (stoppingSince !== undefined) {
      // Ctrl-C reaches this process from the terminal and again from npm; only a later one is a second wish.
      if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    stoppingSince = performance.now()
    log.info(`${signal}: answering what is under way, then closing the log`)
    const late = setTimeout(() => {
      log.error(`Not closed within ${SHUTDOWN_MS / 1000} s, leaving`)
      process.exit(1)
    }, SHUTDOWN_MS)
    const started = await starting
    await started.close()
    clearTimeout(late)
    log.info('Closed')
    process.exit(0)
  }
  // Before the server is up as well: a process that is PID 1 of a container ignores signals that it has no listener for.
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)

  const server = await starting
  process.stdout.write(`\n${welcome(config, server, file)}\n`)
} catch (error) {
  process.stderr.write(`\nThe server did not start. ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
