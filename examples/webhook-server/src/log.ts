import { Writable } from 'node:stream'
import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from './config.ts'

/**
 * JSON lines in production, lines to read elsewhere. Headers that carry credentials are never logged. A message is one line whatever a
 * stranger wrote into a name: control characters, line separators and marks that turn the direction of text are escaped.
 */
export function createLogger(
  { logLevel, production }: Pick<Config, 'logLevel' | 'production'>,
  to: NodeJS.WritableStream = process.stdout,
): Logger {
  const escaped = new Writable({
    decodeStrings: false,
    write: (line: string | Buffer, _encoding, done) => {
      to.write(escapeMarks(line.toString()))
      done()
    },
  })
  const lines = production ? undefined : prettyLines(escaped)
  const destination: DestinationStream = lines ? { write: (json) => lines.write(withVisibleEscapes(json)) } : escaped
  return pino(
    {
      level: logLevel,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['headers.authorization', 'authorization', 'token'],
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
}

function prettyLines(destination: Writable) {
  const translateTime = 'SYS:yyyy-mm-dd HH:MM:ss.l o'
  return pretty({ colorize: false, singleLine: true, translateTime, ignore: 'pid,hostname,facts', destination })
}

/** A line of JSON whose escapes stay visible: pino-pretty would make line breaks of them. */
function withVisibleEscapes(json: string): string {
  return json.replace(/\\(?:["\\/]|[bfnrt]|u[0-9a-f]{4})/gi, (escaped) => (/^\\["\\/]/.test(escaped) ? escaped : `\\${escaped}`))
}

/** What a terminal acts on or that is not seen, but for the end of the line. JSON takes these escapes inside its strings. */
function escapeMarks(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (sign) => (sign === '\n' || sign === '\t' ? sign : codeOf(sign)))
}

function codeOf(sign: string): string {
  return sign.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
