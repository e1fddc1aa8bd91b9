import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StoredEvent } from '@pipe-comms/core'
import { checkpointStoreConformance, eventStoreConformance } from '@pipe-comms/core/conformance'
import Database from 'better-sqlite3'
import { describe, it } from 'vitest'
import { openSqliteEventStore, type SqliteEventStore } from './index.ts'

const runner = { describe, it }

async function subject() {
  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  const file = join(dir, 'messages.sqlite')
  let store = await openSqliteEventStore({ file })
  let crashed: SqliteEventStore | undefined
  return {
    store,
    reopen: async () => {
      await store.close()
      store = await openSqliteEventStore({ file })
      return store
    },
    crash: async () => {
      // The shared memory beside it dies with the process.
      for (const name of await readdir(dir)) {
        if (/^messages\.sqlite(-wal|-journal)?$/.test(name)) await copyFile(join(dir, name), join(dir, `crashed-${name}`))
      }
      crashed = await openSqliteEventStore({ file: join(dir, 'crashed-messages.sqlite') })
      return crashed
    },
    rewrite: async ({ idempotencyKey, schemaVersion }: StoredEvent) => {
      const db = new Database(file)
      db.exec('DROP TRIGGER message_events_refuse_update')
      db.prepare(
        `UPDATE message_events SET event_json = replace(event_json, '"schemaVersion":1', '"schemaVersion":${schemaVersion}') WHERE idempotency_key = ?`,
      ).run(idempotencyKey)
      db.exec(`CREATE TRIGGER message_events_refuse_update BEFORE UPDATE ON message_events
        BEGIN SELECT RAISE(ABORT, 'message_events is append-only: UPDATE refused'); END`)
      db.close()
    },
    dispose: async () => {
      await store.close()
      await crashed?.close()
      await rm(dir, { recursive: true })
    },
  }
}

eventStoreConformance('SQLite file', subject, { runner })

checkpointStoreConformance(
  'SQLite file',
  async () => {
    const { store, reopen, dispose } = await subject()
    return { checkpoints: store.checkpoints, reopen: async () => (await reopen()).checkpoints, dispose }
  },
  { runner },
)
