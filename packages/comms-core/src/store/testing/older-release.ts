import type { RecordedEvent } from '../../events/recorded-event.ts'
import { readStoredEvent } from '../../events/upcaster.ts'
import type { EventStore } from '../event-store.ts'

/** A log as an older release reads it, which does not know the schema version of these events. */
export function readByOlderRelease(log: EventStore, isNewer: (event: RecordedEvent) => boolean): EventStore {
  const read = (event: RecordedEvent) =>
    isNewer(event) ? readStoredEvent<RecordedEvent>({ ...event, schemaVersion: 9, mood: 'merry' }) : event
  async function* each(events: AsyncIterable<RecordedEvent>) {
    for await (const event of events) yield read(event)
  }
  return {
    append: (requests) => log.append(requests),
    find: async (key) => {
      const event = await log.find(key)
      return event && read(event)
    },
    readStream: (streamId, options) => each(log.readStream(streamId, options)),
    readAll: (options) => each(log.readAll(options)),
    close: () => log.close(),
  }
}
