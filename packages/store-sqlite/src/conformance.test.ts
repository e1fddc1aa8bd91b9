import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkpointStoreConformance, eventStoreConformance } from '@pipe-comms/core/conformance'
import { describe, it } from 'vitest'
import { openSqliteEventStore } from './index.ts'

const runner = { describe, it }

async function subject() {
  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  const file = join(dir, 'messages.sqlite')
  let store = await openSqliteEventStore({ file })
  return {
    store,
    reopen: async () => {
      await store.close()
      store = await openSqliteEventStore({ file })
      return store
    },
    dispose: async () => {
      await store.close()
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
