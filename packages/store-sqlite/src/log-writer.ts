import { type BigIntStats, statSync } from 'node:fs'
import { CommsError } from '@pipe-comms/core'
import { Appends } from './append.ts'
import { databaseError } from './database-error.ts'
import { openToWrite } from './open-database.ts'
import { prepareSaveCheckpoint } from './save-checkpoint.ts'
import { whileBusy } from './while-busy.ts'
import type { WriteAnswer, WriteRequest } from './write-parcel.ts'
import type { CheckpointRow } from './writer-protocol.ts'

/**
 * The connection that writes, one transaction at a time. Synced commits block the thread they are on: it lives in the writer thread.
 * Everything throws CommsError `store_unavailable`, `store_corrupt` or `event_invalid`, naming the file.
 */
export interface LogWriter {
  /** Takes the file for writing; waits its turn behind other processes. */
  begin(): Promise<void>
  append(requests: readonly WriteRequest[], recordedAt: string): readonly WriteAnswer[]
  saveCheckpoint(checkpoint: CheckpointRow, savedAt: string): void
  /** What was written since `begin` is durable when it returns. */
  commit(): void
  /** Forgets what was written since `begin`; without one under way it does nothing. */
  rollback(): void
  close(): void
}

/** @throws CommsError `store_unavailable`, `store_corrupt`, naming the file. */
export async function openLogWriter(file: string, synchronous: 'full' | 'normal'): Promise<LogWriter> {
  const coded = <Result>(what: string, run: () => Result): Result => {
    try {
      return run()
    } catch (cause) {
      throw databaseError(what, file, cause)
    }
  }
  const { db } = await openToWrite(file, synchronous).catch((cause) => {
    throw databaseError('Cannot open', file, cause)
  })
  const [begin, commit, rollback] = ['BEGIN IMMEDIATE', 'COMMIT', 'ROLLBACK'].map((sql) => db.prepare(sql))
  const appends = new Appends(db)
  const save = prepareSaveCheckpoint(db)
  const opened = statSync(file, { bigint: true })
  return {
    begin: () =>
      whileBusy(() => begin?.run()).then(
        () => appends.begin(),
        (cause) => {
          throw databaseError('Cannot write', file, cause)
        },
      ),
    append: (requests, recordedAt) => coded('Cannot write', () => appends.record(requests, recordedAt)),
    saveCheckpoint: (checkpoint, savedAt) => coded('Cannot write', () => save(checkpoint, savedAt)),
    commit: () =>
      coded('Cannot write', () => {
        commit?.run()
        checkSameFile(file, opened)
      }),
    rollback: () => {
      appends.forget()
      // After some errors, such as a full disk, SQLite has rolled back by itself (https://www.sqlite.org/lang_transaction.html).
      if (db.inTransaction) coded('Cannot write', () => rollback?.run())
    },
    close: () => db.close(),
  }
}

/** SQLite goes on writing to a file that was deleted or replaced (https://www.sqlite.org/howtocorrupt.html): such writes would be lost. */
function checkSameFile(file: string, opened: BigIntStats): void {
  const now = statSync(file, { bigint: true, throwIfNoEntry: false })
  if (now?.ino === opened.ino && now.dev === opened.dev) return
  throw new CommsError('store_unavailable', `${file} was moved or replaced while in use: put it back, or open the log again`)
}
