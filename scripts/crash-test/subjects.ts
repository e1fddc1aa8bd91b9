import { type EventStore, eventCache } from '@pipe-comms/core'
import { openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import { postgresEventStore } from '@pipe-comms/store-supabase'
import pg from 'pg'
import { postgresPrograms } from '../../packages/store-supabase/src/testing/postgres-server.ts'

const EMBEDDED = ['json', 'sqlite', 'cache over json', 'cache over sqlite'] as const
const ON_A_SERVER = ['postgres', 'cache over postgres'] as const
export type Subject = (typeof EMBEDDED)[number] | (typeof ON_A_SERVER)[number]

/** PostgreSQL where it is installed; CI must have it. */
export const SUBJECTS: readonly Subject[] =
  process.env.CI === 'true' || (await postgresPrograms()) ? [...EMBEDDED, ...ON_A_SERVER] : EMBEDDED

export function isOnServer(subject: Subject): boolean {
  return subject.endsWith('postgres')
}

/** Opens the log of a subject in a folder, or at the URL of a database. Close what comes back. */
export async function openStore(subject: Subject, place: string): Promise<EventStore> {
  const store = await openEngine(subject, place)
  return subject.startsWith('cache') ? eventCache({ store }) : store
}

async function openEngine(subject: Subject, place: string): Promise<EventStore> {
  if (subject.endsWith('json')) return openJsonEventStore({ dir: place })
  if (subject.endsWith('sqlite')) return openSqliteEventStore({ file: `${place}/events.db` })
  const pool = new pg.Pool({ connectionString: place })
  const store = postgresEventStore({ pool, maxTries: 20, firstRetryMs: 20 })
  return {
    append: (requests) => store.append(requests),
    find: (key) => store.find(key),
    readStream: (streamId, options) => store.readStream(streamId, options),
    readAll: (options) => store.readAll(options),
    close: async () => {
      await store.close()
      await pool.end()
    },
  }
}
