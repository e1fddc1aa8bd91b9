import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
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
      let crashed: EventStore | undefined
      return {
        store,
        reopen: async () => {
          await store.close()
          store = await open(dir)
          return store
        },
        crash: async () => {
          const copy = `${dir}-crashed`
          // A lock of a living process is none in a copy.
          await cp(dir, copy, { recursive: true, filter: (path) => !basename(path).startsWith('writer.lock') })
          crashed = await open(copy)
          return crashed
        },
        rewrite: async ({ idempotencyKey, schemaVersion }) => {
          for (const path of await readdir(dir, { recursive: true })) {
            if (!/\d{4}-\d{2}-\d{2}\.jsonl$/.test(path)) continue
            const lines = (await readFile(join(dir, path), 'utf8')).split('\n')
            const changed = lines.map((line) =>
              line.includes(`"idempotencyKey":"${idempotencyKey}"`)
                ? line.replace(/"schemaVersion":\d/, `"schemaVersion":${schemaVersion}`)
                : line,
            )
            await writeFile(join(dir, path), changed.join('\n'))
          }
        },
        dispose: async () => {
          await store.close()
          await crashed?.close()
          for (const path of [dir, `${dir}-crashed`]) await rm(path, { recursive: true, force: true })
        },
      }
    },
    { runner: { describe, it } },
  )
}
