import { CommsError } from '@pipe-comms/core'
import type { Database } from 'better-sqlite3'
import { databaseError } from './database-error.ts'
import { whileBusy } from './while-busy.ts'

/** The connection that reads, beside the writer's. Every read is short, so that it holds up neither thread nor checkpoints. */
export class LogReader {
  readonly db: Database
  readonly #file: string
  #closing = false

  constructor(db: Database, file: string) {
    this.db = db
    this.#file = file
  }

  /** Runs one short read. @throws CommsError `store_closed`, `store_unavailable`, `store_corrupt`. */
  async read<Result>(run: () => Result): Promise<Result> {
    try {
      return await whileBusy(() => {
        this.checkOpen()
        return run()
      })
    } catch (cause) {
      throw databaseError('Cannot read', this.#file, cause)
    }
  }

  /** @throws CommsError `store_closed` */
  checkOpen(): void {
    if (this.#closing) throw new CommsError('store_closed', `The SQLite store in ${this.#file} was closed`)
  }

  /** Refuses all that comes later. */
  close(): void {
    this.#closing = true
    this.db.close()
  }
}
