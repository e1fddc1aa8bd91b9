export { aMessage, appendOf } from './builders.ts'
export { type CheckpointStoreSubject, checkpointStoreConformance } from './checkpoint-store.ts'
export { eventStoreConformance } from './event-store.ts'
export type { EventStoreSubject } from './event-store-subject.ts'
export { type LeadDirectorySubject, leadDirectoryConformance } from './lead-directory.ts'
export type { KitOptions, Runner } from './runner.ts'
export {
  type ReconcileScenario,
  type Reconciling,
  type Sending,
  type SendScenario,
  type TransportSubject,
  transportConformance,
} from './transport.ts'
