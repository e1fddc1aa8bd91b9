import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from './config.ts'

/** JSON lines in production, lines to read elsewhere. Headers that carry credentials are never logged. */
export function createLogger(
  { logLevel, production }: Pick<Config, 'logLevel' | 'production'>,
  to: NodeJS.WritableStream = process.stdout,
): Logger {
  const destination: DestinationStream = production
    ? { write: (line) => to.write(line) }
    : pretty({ colorize: false, singleLine: true, translateTime: 'SYS:HH:MM:ss.l', ignore: 'pid,hostname', destination: to as never })
  return pino(
    { level: logLevel, redact: ['headers.authorization', 'authorization', 'token'], formatters: { level: (label) => ({ level: label }) } },
    destination,
  )
}
