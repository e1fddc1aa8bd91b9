import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EventStore, eventCache } from '@pipe-comms/core'
import { eventStoreConformance } from '@pipe-comms/core/conformance'
import { describe, it } from 'vitest'
import { openJsonEventStore } from './index.ts'

const subjects: Record<string, (dir: string) => Promise<EventStore>> = {
  'JSON day files': (dir) => openJsonEventStore({ dir }),
  'cache over JSON day files': async (dir) => eventCache({ store: await openJsonEventStore({ dir }) }),
}

for (const [name, open] of Object.entries(subjects)) {
  eventStoreConformance(
    name,
    async () => {
      const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-json-'))
      let store = await open(dir)
      return {
        store,
        reopen: async () => {
          await store.close()
          store = await open(dir)
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
}
