import { concurrencyTests } from './event-store-concurrency.ts'
import { faultTests } from './event-store-faults.ts'
import { keysTests } from './event-store-keys.ts'
import { lifetimeTests } from './event-store-lifetime.ts'
import { recordingTests } from './event-store-recording.ts'
import type { EventStoreSubject } from './event-store-subject.ts'
import { type KitOptions, registerKit } from './runner.ts'

/**
 * Registers the promises of {@link EventStore} as tests.
 * @example
 * eventStoreConformance('memory', () => ({ store: memoryEventStore(), reopen: async () => memoryEventStore() }), {
 *   runner: { describe, it },
 *   knownGaps: {
 *     'keeps everything across close and reopen': 'in memory by design',
 *     'keeps what was acknowledged when the process crashes': 'in memory by design',
 *   },
 * })
 */
export function eventStoreConformance(
  name: string,
  create: () => Promise<EventStoreSubject> | EventStoreSubject,
  options: KitOptions,
): void {
  const tests = { ...recordingTests, ...keysTests, ...concurrencyTests, ...lifetimeTests, ...faultTests }
  registerKit(`${name} keeps the promises of an EventStore`, tests, create, options)
}
