import type { Logger } from './runtime.ts'

/** Writes warnings and errors to the console, one line each, and nothing else. */
export const consoleLogger: Logger = {
  debug() {},
  info() {},
  warn: (message, fields) => console.warn(lineOf('warn', message, fields)),
  error: (message, fields) => console.error(lineOf('error', message, fields)),
}

function lineOf(level: string, message: string, fields?: Readonly<Record<string, unknown>>): string {
  const details = fields && Object.keys(fields).length > 0 ? ` ${jsonOf(fields)}` : ''
  return withoutControls(`pipe-comms ${level}: ${message}${details}`)
}

function jsonOf(fields: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(fields, (_, value: unknown) => {
      if (value instanceof Error) return value.message
      return typeof value === 'bigint' ? String(value) : value
    })
  } catch {
    return '(fields that cannot be written as JSON)'
  }
}

/** What a provider or a stranger wrote must not begin a new line, or colour the terminal. */
function withoutControls(line: string): string {
  return line.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
