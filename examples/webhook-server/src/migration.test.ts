import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyLog, exportLog, importLog, logDigest } from '@pipe-comms/core'
import { aMessage } from '@pipe-comms/core/conformance'
import { openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-migration-'))
})
afterEach(() => rm(dir, { recursive: true }))

it('carries a log from JSON to SQLite and back, and both ends have the same digest', async () => {
  const json = await openJsonEventStore({ dir: join(dir, 'json') })
  for (let from = 0; from < 3000; from += 100) {
    const requests = Array.from({ length: 100 }, (_, index) => ({
      streamId: `whatsapp:+336399800${String((from + index) % 50).padStart(2, '0')}`,
      events: [aMessage(`k${from + index}`, `é\u0000\u{1f600} ${from + index}`)],
    }))
    await json.append(requests)
  }
  const sqlite = await openSqliteEventStore({ file: join(dir, 'events.db') })
  const there = await copyLog(json, sqlite)
  expect(there).toMatchObject({ read: 3000, recorded: 3000, equal: true })

  const again = await openJsonEventStore({ dir: join(dir, 'again') })
  const back = await importLog(exportLog(sqlite), again)
  expect(back).toMatchObject({ recorded: 3000, equal: true })
  expect(await logDigest(again)).toEqual(await logDigest(json))
  for (const store of [json, sqlite, again]) await store.close()
})
