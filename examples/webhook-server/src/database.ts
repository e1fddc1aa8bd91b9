import type { CheckpointStore, EventStore, Logger } from '@pipe-comms/core'
import { postgresEventStore, supabaseEventStore } from '@pipe-comms/store-supabase'
import { createClient } from '@supabase/supabase-js'
import { Pool } from 'pg'
import type { Config } from './config.ts'
import type { Problem } from './health/health.ts'

/** Few, for the cache has two writes under way at most, and a small project allows 60 connections in all. */
const CONNECTIONS = 5
const CONNECT_MS = 5_000

/** Opens the log in Supabase or PostgreSQL. A database that is away keeps no server from starting: webhooks wait in the spool. */
export async function openDatabase(
  database: NonNullable<Config['database']>,
  logger: Logger,
): Promise<EventStore & { readonly checkpoints: CheckpointStore; problems(): Promise<readonly Problem[]> }> {
  const { store, end } = 'url' in database ? overPostgres(database.url, logger) : overSupabase(database, logger)
  for (const { problem, remedy, warning } of await store.check()) logger[warning ? 'warn' : 'error'](`Database: ${problem}. ${remedy}`)
  return {
    checkpoints: store.checkpoints,
    problems: () => store.check(),
    append: (requests) => store.append(requests),
    find: (key) => store.find(key),
    readStream: (streamId, options) => store.readStream(streamId, options),
    readAll: (options) => store.readAll(options),
    close: async () => {
      await store.close()
      await end()
    },
  }
}

function overPostgres(connectionString: string, logger: Logger) {
  const pool = new Pool({ connectionString, max: CONNECTIONS, connectionTimeoutMillis: CONNECT_MS, keepAlive: true })
  return { store: postgresEventStore({ pool, logger }), end: () => pool.end() }
}

function overSupabase({ supabaseUrl, serviceRoleKey }: { supabaseUrl: string; serviceRoleKey: string }, logger: Logger) {
  const client = createClient(supabaseUrl, serviceRoleKey, { auth: { persistSession: false, autoRefreshToken: false } })
  return { store: supabaseEventStore({ client, logger }), end: async () => {} }
}
