import { createComms, eventCache, memoryEventStore, type Transport } from '@pipe-comms/core'
import { openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'

const kind = process.argv[2]
const n = Number(process.argv[3] ?? 4000)
const dir = `/tmp/prof/${kind}-${Date.now()}`
const store =
  kind === 'memory'
    ? memoryEventStore()
    : kind === 'json'
      ? eventCache({ store: await openJsonEventStore({ dir }) })
      : eventCache({ store: await openSqliteEventStore({ file: dir + '.db' }) })
let count = 0
const transport: Transport = {
  id: 'p',
  channel: 'sms',
  account: 'a',
  send: async () => {
    await new Promise((r) => setTimeout(r, 5))
    return { providerMessageId: `p-${count++}` }
  },
}
const comms = createComms({ store, transports: [transport] })
comms.start()
const t = performance.now()
let next = 0
await Promise.all(
  Array.from({ length: 64 }, async () => {
    for (let i = next++; i < n; i = next++)
      await comms.send(
        { channel: 'sms', to: `+120255501${String(i % 100).padStart(2, '0')}`, content: { text: `Bonjour ${i}` } },
        process.argv[4] === 'nowait' ? {} : { waitFor: 'sent' },
      )
  }),
)
while (comms.outboxState().unsettled > 0) await new Promise((r) => setTimeout(r, 2))
console.log(
  kind,
  Math.round((n / (performance.now() - t)) * 1000),
  '/s cpu ms/msg',
  (process.cpuUsage().user + process.cpuUsage().system) / 1000 / n,
)
await comms.close()
