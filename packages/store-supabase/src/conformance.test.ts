import { type EventStore, eventCache, type StoredEvent } from '@pipe-comms/core'
import { checkpointStoreConformance, eventStoreConformance } from '@pipe-comms/core/conformance'
import { createClient } from '@supabase/supabase-js'
import pg from 'pg'
import { afterAll, it } from 'vitest'
import { type DatabaseEventStore, postgresEventStore, supabaseEventStore } from './index.ts'
import { describeWithPostgres, emptyLog, freshDatabase, onServer } from './testing/database.ts'
import { startRestGateway } from './testing/rest-gateway.ts'

const runner = { describe: describeWithPostgres, it }

/** The ways into a database, each opened once and used for every test, on an empty log. */
const ways: Record<string, (url: string) => Promise<(fresh?: 'fresh') => DatabaseEventStore>> = {
  PostgreSQL: async (url) => {
    const newPool = () => {
      const pool = new pg.Pool({ connectionString: url })
      ends.push(() => pool.end())
      return pool
    }
    const pool = newPool()
    return (fresh) => postgresEventStore({ pool: fresh ? newPool() : pool })
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
  let opened: Promise<{ url: string; open: (fresh?: 'fresh') => DatabaseEventStore }> | undefined
  const subject = async <Store extends EventStore>(wrap: (store: DatabaseEventStore) => Store) => {
    opened ??= freshDatabase().then(async (url) => ({ url, open: await way(url) }))
    const { url, open } = await opened
    await emptyLog(url)
    let store = wrap(open())
    let crashed: Store | undefined
    return {
      store,
      reopen: async () => {
        await store.close()
        store = wrap(open())
        return store
      },
      crash: async () => {
        crashed = wrap(open('fresh'))
        return crashed
      },
      rewrite: async ({ idempotencyKey, schemaVersion }: StoredEvent) => {
        await onServer(
          url,
          `set session_replication_role = replica;
           update message_events set event = jsonb_set(event, '{schemaVersion}', '${schemaVersion}') where idempotency_key = '${idempotencyKey}'`,
        )
      },
      dispose: async () => {
        await store.close()
        await crashed?.close()
      },
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
