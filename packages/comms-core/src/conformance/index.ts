export { aMessage, appendOf } from './builders.ts'
export { type EventStoreSubject, eventStoreConformance } from './event-store.ts'
export type { KitOptions, Runner } from './runner.ts'
export { type SendScenario, type TransportSubject, transportConformance } from './transport.ts'
