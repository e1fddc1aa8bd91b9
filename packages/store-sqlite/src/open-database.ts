import { CommsError } from '@pipe-comms/core'
import Database from 'better-sqlite3'
import { type Migrated, migrate, schemaOf } from './schema.ts'
import { whileBusy } from './while-busy.ts'

/** SQLite's own wait for a lock, before {@link whileBusy} tries again: its first steps are the short ones. */
const BUSY_TIMEOUT_MS = 50
/** A log that one long write let grow is cut back to this at the next checkpoint (https://www.sqlite.org/pragma.html#pragma_journal_size_limit). */
const WAL_LIMIT_BYTES = 67_108_864
/**
 * Pages in the write-ahead log before they are copied into the database (16 MB). SQLite's own 1000 copy the inner pages of the indexes,
 * which every commit changes, four times as often: in a log of some ten thousand events that is a fifth of the cost of an append.
 */
const CHECKPOINT_PAGES = 4000

export interface Opened {
  readonly db: Database.Database
  readonly migrated: Migrated
}

/**
 * Opens the file to write, makes or migrates its schema. The log of a million events opens as fast as an empty one: nothing is scanned.
 * @throws CommsError `store_corrupt` for a file that is not ours, before anything in it is changed; SQLite's errors.
 */
export async function openToWrite(file: string, synchronous: 'full' | 'normal'): Promise<Opened> {
  const db = new Database(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    await whileBusy(() => schemaOf(db, file))
    const mode = await whileBusy(() => db.pragma('journal_mode = WAL', { simple: true }))
    if (mode !== 'wal') {
      throw new CommsError(
        'store_unavailable',
        `${file}: SQLite cannot keep a write-ahead log here (journal mode ${mode}): a network share?`,
      )
    }
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    db.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`)
    db.pragma(`synchronous = ${synchronous}`)
    // Only macOS heeds it, and only with it does a sync there reach the disk (https://www.sqlite.org/pragma.html#pragma_fullfsync).
    if (synchronous === 'full') db.pragma('fullfsync = ON')
    return { db, migrated: await whileBusy(() => migrate(db, file)) }
  } catch (error) {
    db.close()
    throw error
  }
}

/**
 * Opens the file to read; makes or migrates its schema first. Waits for no lock by itself, so that it never holds up the thread it is on.
 * @throws what {@link openToWrite} throws.
 */
export async function openToRead(file: string): Promise<Opened> {
  const opened = await openToWrite(file, 'full')
  opened.db.pragma('busy_timeout = 0')
  opened.db.pragma('query_only = ON')
  return opened
}
