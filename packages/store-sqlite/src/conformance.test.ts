import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventStoreConformance } from '@pipe-comms/core/conformance'
import { describe, it } from 'vitest'
import { openSqliteEventStore } from './index.ts'

eventStoreConformance(
  'SQLite file',
  async () => {
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
  },
  { runner: { describe, it } },
)
