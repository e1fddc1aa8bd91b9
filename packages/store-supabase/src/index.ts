export type { DatabaseEventStore } from './database-event-store.ts'
export type {
  DatabaseStoreOptions,
  PostgresClient,
  PostgresEventStoreOptions,
  PostgresPool,
  SupabaseEventStoreOptions,
  SupabaseRpc,
} from './options.ts'
export { type PostgresEventStore, postgresEventStore } from './postgres-event-store.ts'
export { type RealtimeWakeUp, realtimeWakeUp, type SupabaseRealtime } from './realtime-wake-up.ts'
export type { StoreProblem } from './store-problem.ts'
export { supabaseEventStore } from './supabase-event-store.ts'
