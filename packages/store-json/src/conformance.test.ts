import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventStoreConformance } from '@pipe-comms/core/conformance'
import { describe, it } from 'vitest'
import { openJsonEventStore } from './index.ts'

eventStoreConformance(
  'JSON day files',
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-json-'))
    let store = await openJsonEventStore({ dir })
    return {
      store,
      reopen: async () => {
        await store.close()
        store = await openJsonEventStore({ dir })
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
