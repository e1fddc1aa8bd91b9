import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createComms, type EventStore, eventCache, memoryEventStore, parseContactAddress, type Transport } from '@pipe-comms/core'
import { openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import { twilioTransport } from '@pipe-comms/transport-twilio'
import { anEvent } from './events.ts'
import { type Comparison, compare, rate, table } from './measure.ts'

const MESSAGES = 5_000
/** The first messages of a process are slow: code is compiled. */
const WARM_UP = 1_000
const IN_FLIGHT = 32
/** Of each one message at a time is under way. */
const CONTACTS = 100

/** The benchmark of sending through the outbox, beside calling the transport alone. The provider is a simulated Twilio over HTTP. */
export async function benchSending(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'pipe-comms-bench-'))
  const peer = new Worker(new URL('./twilio-peer.ts', import.meta.url))
  const [account] = (await once(peer, 'message')) as [{ accountSid: string; authToken: string; apiUrl: string }]
  const transport = twilioTransport({ ...account, from: '+12025550100', allowUnverifiedWebhooks: true })
  const runs = 7
  let folders = 0
  const fresh = () => join(dir, String(folders++))
  const stores: Readonly<Record<string, () => EventStore | Promise<EventStore>>> = {
    'the SQLite store': async () => eventCache({ store: await openSqliteEventStore({ file: `${fresh()}.db` }) }),
    'the JSON store': async () => eventCache({ store: await openJsonEventStore({ dir: fresh() }) }),
    'the memory store': memoryEventStore,
  }
  try {
    const comparisons: Comparison[] = []
    for (const [name, open] of Object.entries(stores)) {
      await transportAlone(transport, WARM_UP)
      await throughOutbox(transport, await open(), WARM_UP)
      const what = `${MESSAGES} messages, ${IN_FLIGHT} in flight, through ${name} and the outbox, against the transport alone`
      comparisons.push(
        await compare(what, 'messages/s', {
          goal: 0.7,
          runs,
          raw: () => rate(MESSAGES, () => transportAlone(transport, MESSAGES)),
          ours: async () => {
            const store = await begun(await open())
            return rate(MESSAGES, () => throughOutbox(transport, store, MESSAGES))
          },
        }),
      )
    }
    peer.postMessage('count')
    const [{ taken }] = (await once(peer, 'message')) as [{ taken: number }]
    const expected = Object.keys(stores).length * 2 * (WARM_UP + runs * MESSAGES)
    if (taken !== expected) throw new Error(`Expected the provider to take ${expected} messages, it took ${taken}`)
    return table('Sending', comparisons, [])
  } finally {
    await peer.terminate()
    rmSync(dir, { recursive: true })
  }
}

/** A store whose first write is done: the SQLite store's starts a thread, once for a process, which takes as long as some hundred messages. */
async function begun(store: EventStore): Promise<EventStore> {
  await store.append([{ streamId: 'bench', events: [anEvent(0)] }])
  return store
}

const contact = (index: number) => `+120255501${String(index % CONTACTS).padStart(2, '0')}`
const textOf = (index: number) => `Bonjour, voici le devis ${index} que nous avions promis.`

async function transportAlone(transport: Transport, messages: number): Promise<void> {
  const { signal } = new AbortController()
  let next = 0
  const caller = async () => {
    for (let index = next++; index < messages; index = next++) {
      const message = { messageId: `m-${index}`, to: parseContactAddress(contact(index)), content: { text: textOf(index) } }
      await transport.send(message, { signal })
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller))
}

/** Requested by as many callers at once, until the log says of each that it was sent. */
async function throughOutbox(transport: Transport, store: EventStore, messages: number): Promise<void> {
  let sent = 0
  const counting: Transport = {
    ...transport,
    send: async (message, options) => {
      const receipt = await transport.send(message, options)
      sent += 1
      return receipt
    },
  }
  const comms = createComms({ store, transports: [counting], outbox: { concurrency: IN_FLIGHT } })
  comms.start()
  let next = 0
  const caller = async () => {
    for (let index = next++; index < messages; index = next++) {
      await comms.send({ channel: 'sms', to: contact(index), content: { text: textOf(index) } })
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, caller))
  while (sent < messages || comms.outboxState().unsettled > 0) await new Promise((resolve) => setTimeout(resolve, 1))
  await comms.close()
}
