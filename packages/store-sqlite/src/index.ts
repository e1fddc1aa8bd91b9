export type { SqliteEventStoreOptions } from './options.ts'
export { openSqliteEventStore, type SqliteEventStore } from './sqlite-event-store.ts'
