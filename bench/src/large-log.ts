// Run by stores.ts in a process of its own: `fill` or `read` of a large log; prints its figures as JSON.
import type { EventStore } from '@pipe-comms/core'
import { openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import { anEvent, streamOf } from './events.ts'

const [step, kind, path = '', given] = process.argv.slice(2)
const count = Number(given)
const open = (): Promise<EventStore> => (kind === 'json' ? openJsonEventStore({ dir: path }) : openSqliteEventStore({ file: path }))

const startedAt = performance.now()
const store = await open()
const openMs = performance.now() - startedAt
let peakMb = 0
let readPerSecond = 0

if (step === 'fill') {
  for (let from = 0; from < count; from += 1000) {
    await store.append(Array.from({ length: 1000 }, (_, index) => ({ streamId: streamOf(from + index), events: [anEvent(from + index)] })))
  }
} else {
  const readingAt = performance.now()
  let seen = 0
  for await (const _event of store.readAll()) {
    seen += 1
    if (seen % 10_000 === 0) peakMb = Math.max(peakMb, Math.round(process.memoryUsage.rss() / 2 ** 20))
  }
  readPerSecond = (seen / (performance.now() - readingAt)) * 1000
  if (seen !== count) throw new Error(`Expected ${count} events, read ${seen}`)
}
await store.close()
process.stdout.write(JSON.stringify({ openMs, readPerSecond, peakMb }))
