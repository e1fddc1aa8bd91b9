export { openJsonEventStore } from './json-event-store.ts'
export type { JsonEventStoreOptions } from './options.ts'
