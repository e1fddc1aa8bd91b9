import type { NewEvent } from '@pipe-comms/core'
import Database from 'better-sqlite3'
import { batches, streamOf } from './events.ts'
import { rate } from './measure.ts'

/** The engine below the SQLite store as it comes: the same text with the same uniqueness of key and place, WAL and synchronous=FULL. */
export class RawSqlite {
  readonly #database: Database.Database
  readonly #insertAll: (batch: readonly NewEvent[]) => void
  #version = 0

  constructor(file: string) {
    this.#database = new Database(file)
    this.#database.pragma('journal_mode = WAL')
    this.#database.pragma('synchronous = FULL')
    this.#database.exec(
      'CREATE TABLE log (position INTEGER PRIMARY KEY, idempotency_key TEXT NOT NULL UNIQUE, stream_id TEXT NOT NULL, version INTEGER NOT NULL, event TEXT NOT NULL, UNIQUE (stream_id, version))',
    )
    const insert = this.#database.prepare('INSERT INTO log (idempotency_key, stream_id, version, event) VALUES (?, ?, ?, ?)')
    this.#insertAll = this.#database.transaction((batch: readonly NewEvent[]) => {
      for (const event of batch) {
        insert.run(event.idempotencyKey, streamOf(this.#version), this.#version, JSON.stringify(event))
        this.#version += 1
      }
    }).immediate
  }

  /** So many at a time in one synced transaction. */
  append(sample: readonly NewEvent[], atOnce: number): void {
    for (const batch of batches(sample, atOnce)) this.#insertAll(batch)
  }

  close(): void {
    this.#database.close()
  }
}

/** The same engine with the table and the settings that the store has, but without the look-ups that an append needs. */
export async function rawSameTable(file: string, sample: readonly NewEvent[], atOnce: number): Promise<number> {
  const database = new Database(file)
  database.pragma('synchronous = FULL')
  database.pragma('wal_autocheckpoint = 4000')
  const columns =
    'event_position, stream_id, stream_version, idempotency_key, event_id, event_type, channel, message_id, occurred_at, recorded_at'
  const insert = database.prepare(`INSERT INTO message_events (${columns}, event_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const insertAll = database.transaction((batch: readonly NewEvent[], from: number) => {
    for (const [index, event] of batch.entries()) {
      const { idempotencyKey, id, type, channel, messageId, occurredAt } = event
      const place = from + index + 2
      const json = JSON.stringify(event)
      insert.run(place, streamOf(from + index), place, idempotencyKey, id, type, channel, messageId, occurredAt, occurredAt, json)
    }
  })
  const perSecond = await rate(sample.length, () => {
    for (const [index, batch] of batches(sample, atOnce).entries()) insertAll.immediate(batch, index * atOnce)
  })
  database.close()
  return perSecond
}
