import { CommsError, type CommsErrorCode } from '@pipe-comms/core'

/**
 * What SQLite reported, as the code that says what the caller can do, with the file's name
 * (https://www.sqlite.org/rescode.html):
 *
 * | SQLite | code |
 * |---|---|
 * | CORRUPT, NOTADB | `store_corrupt`: the file is damaged, or not a database |
 * | CONSTRAINT | `store_corrupt`: keys and versions are looked up before, so an index lies |
 * | TOOBIG | `event_invalid`: never fits in a row |
 * | BUSY, LOCKED, FULL, IOERR, READONLY, CANTOPEN, all else | `store_unavailable` |
 */
export function databaseError(what: string, file: string, cause: unknown): CommsError {
  if (cause instanceof CommsError) return cause
  const { code, message } = asSqlite(cause)
  const hint = code?.startsWith('SQLITE_BUSY') ? ': another process holds it for too long' : ''
  return new CommsError(commsCode(code), `${what} ${file}: ${code ? `${code} ` : ''}${message}${hint}`, { cause })
}

/** Somebody else holds the lock now; the same call may pass a moment later. */
export function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(asSqlite(error).code ?? '')
}

function commsCode(code = ''): CommsErrorCode {
  if (/^SQLITE_(CORRUPT|NOTADB|CONSTRAINT)/.test(code)) return 'store_corrupt'
  return code === 'SQLITE_TOOBIG' ? 'event_invalid' : 'store_unavailable'
}

function asSqlite(error: unknown): { code?: string; message: string } {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? { code, message: error.message } : { message: error.message }
}
