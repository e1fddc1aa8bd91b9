// Run by stores.ts in a process of its own: writes a large log.
import type { EventStore } from '@pipe-comms/core'
import { openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import { anEvent, streamOf } from './events.ts'

const [kind, path = '', count] = process.argv.slice(2)
const store: EventStore = await (kind === 'json' ? openJsonEventStore({ dir: path }) : openSqliteEventStore({ file: path }))
for (let from = 0; from < Number(count); from += 1000) {
  await store.append(Array.from({ length: 1000 }, (_, index) => ({ streamId: streamOf(from + index), events: [anEvent(from + index)] })))
}
await store.close()
