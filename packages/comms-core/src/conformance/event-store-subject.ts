import type { RecordedEvent } from '../events/recorded-event.ts'
import type { StoredEvent } from '../events/upcaster.ts'
import type { AppendResult, EventStore } from '../store/event-store.ts'
import { collect } from './runner.ts'

/** A fresh, empty store for one test. */
export interface EventStoreSubject {
  readonly store: EventStore
  /** Closes the store when it is open, and opens the same log again. */
  reopen(): Promise<EventStore>
  /**
   * Opens the log as it is when the process is killed now: the first store is not closed and does nothing more for it. Of a file, a copy
   * does; of a database, a new connection. Absent: the test of it is skipped.
   */
  crash?(): Promise<EventStore>
  /** Writes this in the place of the event with its key, as another release would have written it. The store is closed. Absent: skipped. */
  rewrite?(stored: StoredEvent): Promise<void>
  /** Takes away what the test left: files, tables. */
  dispose?(): Promise<void>
}

export const STREAM = 'whatsapp:+33639980001'
export const OTHER = 'whatsapp:+33639980002'

export async function versions(store: EventStore, streamId: string): Promise<number[]> {
  return (await collect(store.readStream(streamId))).map(({ version }) => version)
}

export function recordedOf(result: AppendResult | undefined): RecordedEvent[] {
  if (result?.status !== 'recorded') throw new Error(`Expected the append to be recorded, got ${JSON.stringify(result)}`)
  return result.events.map(({ event }) => event)
}

export function repeatsOf(result: AppendResult | undefined): boolean[] {
  return result?.status === 'recorded' ? result.events.map(({ repeated }) => repeated) : []
}

export function keyOf(event: RecordedEvent): string {
  return event.idempotencyKey
}

export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
