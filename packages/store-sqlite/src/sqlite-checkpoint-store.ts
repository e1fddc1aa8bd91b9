import type { CheckpointStore, Position } from '@pipe-comms/core'
import type { Statement } from 'better-sqlite3'
import { fromColumn, toColumn } from './column-text.ts'
import type { LogReader } from './log-reader.ts'
import type { WriteQueue } from './write-queue.ts'

const LOAD = 'SELECT event_position FROM consumer_checkpoints WHERE consumer_id = ?'

/**
 * Checkpoints in the log's own file, so that a backup takes both and a restored log has no checkpoint behind its end. A save goes
 * with the appends of the same moment in one transaction and is as durable as they are.
 */
export class SqliteCheckpointStore implements CheckpointStore {
  readonly #reader: LogReader
  readonly #queue: WriteQueue
  readonly #load: Statement<[string], string>

  constructor(reader: LogReader, queue: WriteQueue) {
    this.#reader = reader
    this.#queue = queue
    this.#load = reader.db.prepare<[string], string>(LOAD).pluck()
  }

  async load(consumerId: string): Promise<Position | undefined> {
    const column = await this.#reader.read(() => this.#load.get(toColumn(consumerId)))
    return column === undefined ? undefined : fromColumn(column)
  }

  async save(consumerId: string, position: Position): Promise<void> {
    this.#reader.checkOpen()
    await this.#queue.saveCheckpoint({ consumerId, position })
  }
}
