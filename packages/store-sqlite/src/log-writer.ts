import { type BigIntStats, statSync } from 'node:fs'
import { CommsError } from '@pipe-comms/core'
import type { Database } from 'better-sqlite3'
import { prepareAppend } from './append.ts'
import { databaseError } from './database-error.ts'
import { openToWrite } from './open-database.ts'
import { prepareSaveCheckpoint } from './save-checkpoint.ts'
import { whileBusy } from './while-busy.ts'
import type { WriteAnswer, WriteBatch } from './write-batch.ts'

/** The connection that writes. Synced commits block the thread they are on: it lives in the writer thread. */
export interface LogWriter {
  /**
   * Writes a batch in one transaction, whole or not at all; what it answers is durable.
   * @throws CommsError `store_unavailable`, `store_corrupt`, `event_invalid`, naming the file.
   */
  write(batch: WriteBatch): Promise<readonly WriteAnswer[]>
  close(): void
}

/** @throws CommsError `store_unavailable`, `store_corrupt`, naming the file. */
export async function openLogWriter(file: string, synchronous: 'full' | 'normal'): Promise<LogWriter> {
  try {
    const { db } = await openToWrite(file, synchronous)
    const inTransaction = prepareTransaction(db)
    const opened = statSync(file, { bigint: true })
    return {
      async write(batch) {
        try {
          const answers = await whileBusy(() => inTransaction(batch))
          checkSameFile(file, opened)
          return answers
        } catch (cause) {
          throw databaseError('Cannot write', file, cause)
        }
      },
      close: () => db.close(),
    }
  } catch (cause) {
    throw databaseError('Cannot open', file, cause)
  }
}

function prepareTransaction(db: Database): (batch: WriteBatch) => readonly WriteAnswer[] {
  const append = prepareAppend(db)
  const save = prepareSaveCheckpoint(db)
  return db.transaction((batch: WriteBatch) => {
    for (const checkpoint of batch.checkpoints) save(checkpoint, batch.recordedAt)
    return append(batch.requests, batch.recordedAt)
  }).immediate
}

/** SQLite goes on writing to a file that was deleted or replaced (https://www.sqlite.org/howtocorrupt.html): such writes would be lost. */
function checkSameFile(file: string, opened: BigIntStats): void {
  const now = statSync(file, { bigint: true, throwIfNoEntry: false })
  if (now?.ino === opened.ino && now.dev === opened.dev) return
  throw new CommsError('store_unavailable', `${file} was moved or replaced while in use: put it back, or open the log again`)
}
