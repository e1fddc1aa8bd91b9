import { type EventStore, eventCache } from '@pipe-comms/core'
import { checkpointStoreConformance, eventStoreConformance } from '@pipe-comms/core/conformance'
import { createClient } from '@supabase/supabase-js'
import pg from 'pg'
import { afterAll, it } from 'vitest'
import { type DatabaseEventStore, postgresEventStore, supabaseEventStore } from './index.ts'
import { describeWithPostgres, emptyLog, freshDatabase } from './testing/database.ts'
import { startRestGateway } from './testing/rest-gateway.ts'

const runner = { describe: describeWithPostgres, it }

/** The ways into a database, each opened once and used for every test, on an empty log. */
const ways: Record<string, (url: string) => Promise<() => DatabaseEventStore>> = {
  PostgreSQL: async (url) => {
    const pool = new pg.Pool({ connectionString: url })
    ends.push(() => pool.end())
    return () => postgresEventStore({ pool })
  },
  Supabase: async (url) => {
    const gateway = await startRestGateway(url)
    ends.push(() => gateway.close())
    const client = createClient(gateway.url, gateway.keys.secret, { auth: { persistSession: false, autoRefreshToken: false } })
    return () => supabaseEventStore({ client })
  },
}
const ends: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const end of ends) await end()
})

for (const [name, way] of Object.entries(ways)) {
  let opened: Promise<{ url: string; open: () => DatabaseEventStore }> | undefined
  const subject = async <Store extends EventStore>(wrap: (store: DatabaseEventStore) => Store) => {
    opened ??= freshDatabase().then(async (url) => ({ url, open: await way(url) }))
    const { url, open } = await opened
    await emptyLog(url)
    let store = wrap(open())
    return {
      store,
      reopen: async () => {
        await store.close()
        store = wrap(open())
        return store
      },
      dispose: () => store.close(),
    }
  }

  eventStoreConformance(name, () => subject((store) => store), { runner })
  eventStoreConformance(`cache over ${name}`, () => subject((store) => eventCache({ store })), { runner })
  checkpointStoreConformance(
    name,
    async () => {
      const { store, reopen, dispose } = await subject((opening) => opening)
      return { checkpoints: store.checkpoints, reopen: async () => (await reopen()).checkpoints, dispose }
    },
    { runner },
  )
}
