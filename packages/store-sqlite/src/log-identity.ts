import { isLogId, newLogId } from '@pipe-comms/core'
import type { Database } from 'better-sqlite3'

const KNOWN = 'SELECT log_id FROM log_identity'
const NAME = 'INSERT OR REPLACE INTO log_identity (only_row, log_id) VALUES (1, ?)'

/** The name of the log in the file, which begins every position. */
export function logIdOf(db: Database): string | undefined {
  const found = db.prepare(KNOWN).pluck().get()
  return isLogId(found) ? found : undefined
}

/** Gives the log its name where it has none. Call it inside the transaction that makes the table. Says whether it did. */
export function nameLog(db: Database): boolean {
  if (logIdOf(db) !== undefined) return false
  db.prepare(NAME).run(newLogId())
  return true
}
