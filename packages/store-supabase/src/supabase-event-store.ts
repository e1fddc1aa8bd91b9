import { CommsError } from '@pipe-comms/core'
import { checkOptions, type DatabaseEventStore, EventStoreOverCalls } from './database-event-store.ts'
import type { SupabaseEventStoreOptions } from './options.ts'
import { supabaseCalls } from './supabase-calls.ts'

/**
 * The event log in a Supabase project, table `message_events`, through the functions of create-message-events-table.sql. Any number of
 * servers may append and read at once. A batch is one round trip; positions are given out one writer at a time, so a reader never skips.
 *
 * The client stays yours. Nothing is asked of the database here: `check()` says whether it is set up.
 * @example
 * const store = supabaseEventStore({ client: createClient(url, secretKey, { auth: { persistSession: false } }) })
 * @throws CommsError `configuration_invalid`
 */
export function supabaseEventStore(options: SupabaseEventStoreOptions): DatabaseEventStore {
  if (typeof options?.client?.rpc !== 'function') {
    throw new CommsError('configuration_invalid', 'supabaseEventStore: client: expected a client of @supabase/supabase-js')
  }
  checkOptions('supabaseEventStore', options)
  return new EventStoreOverCalls(supabaseCalls(options.client), options)
}
