import {
  type Comms,
  createComms,
  deliveryOf,
  deliveryStatus,
  type EventStore,
  type InboxReader,
  memoryEventStore,
  project,
} from '@pipe-comms/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { greenApiTransport } from '../index.ts'
import { ID_INSTANCE, messageStatus, outgoing } from '../testing/notifications.ts'
import { ROWS } from '../testing/rows/index.ts'
import { parseNotification } from './parse.ts'

const transport = greenApiTransport({ idInstance: ID_INSTANCE, webhookToken: 'webhook-token-for-tests' })
const text = { typeMessage: 'textMessage', textMessageData: { textMessage: 'Bonjour' } }

/** What Green-API tells of two messages and more: the second is refused. */
const life = [
  outgoing('outgoingAPIMessageReceived', 'BAE51', text),
  ...['pending', 'sent', 'delivered', 'read'].map((status) => messageStatus('BAE51', status)),
  // An id is unique in its chat only; in a group a status comes once for each member and does not say for whom.
  ...['delivered', 'delivered', 'read'].map((status) => messageStatus('BAE51', status, { chatId: '120363000000000001@g.us' })),
  outgoing('outgoingMessageReceived', 'BAE52', text),
  messageStatus('BAE52', 'sent', { sendByApi: false }),
  messageStatus('BAE52', 'noAccount', { sendByApi: false }),
]

async function post(comms: Comms, notification: object): Promise<number> {
  const { status } = await comms.handle(
    new Request('https://comms.example.com/webhooks/greenapi', {
      method: 'POST',
      body: JSON.stringify(notification),
      headers: { authorization: 'Bearer webhook-token-for-tests' },
    }),
  )
  return status
}

/** Keys in the log, and where the two messages stand. */
async function told(store: EventStore) {
  const keys: string[] = []
  // Where core files the report on a message that it does not know is its own affair.
  for await (const { idempotencyKey, type } of store.readAll()) if (type !== 'report.filed') keys.push(idempotencyKey)
  const { state } = await project(store.readAll(), deliveryStatus)
  const statuses = ['greenapi:BAE51', 'greenapi:BAE52'].map((name) => deliveryOf(state, name)?.status)
  return { keys: keys.sort(), statuses }
}

it('any order and repetition of what is told of a message ends in the same state, each fact recorded once', async () => {
  const arrivals = fc
    .tuple(fc.constant(life), fc.array(fc.constantFrom(...life), { maxLength: 10 }))
    .chain(([once, again]) => fc.shuffledSubarray([...once, ...again], { minLength: once.length + again.length }))
  await fc.assert(
    fc.asyncProperty(arrivals, fc.boolean(), async (notifications, together) => {
      const store = memoryEventStore()
      const comms = createComms({ store, transports: [transport] })
      if (together) await Promise.all(notifications.map((notification) => post(comms, notification)))
      else for (const notification of notifications) await post(comms, notification)
      const { keys, statuses } = await told(store)
      expect(statuses).toEqual(['read', 'failed'])
      expect(keys).toHaveLength(life.length - 1)
    }),
    { numRuns: 200 },
  )
})

it('every notification, by webhook and then twice out of an inbox, is recorded once', async () => {
  const store = memoryEventStore()
  const queue = [...ROWS, ...ROWS].map(({ notification }) => new TextEncoder().encode(JSON.stringify(notification)))
  let resolveEmptied = () => {}
  const emptied = new Promise<void>((resolve) => {
    resolveEmptied = resolve
  })
  const inbox: InboxReader = {
    receive: async ({ signal }) => {
      const [body] = queue
      if (body) return { body, acknowledge: async () => void queue.shift() }
      resolveEmptied()
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return undefined
    },
    parse: (body) => parseNotification(body, { idInstance: String(ID_INSTANCE), via: 'poll' }),
  }
  const comms = createComms({ store, transports: [{ ...transport, inbox }] })
  for (const { notification } of ROWS) expect(await post(comms, notification)).toBe(200)
  comms.start()
  await emptied
  const { keys } = await told(store)
  await comms.close()
  expect(keys).toEqual(ROWS.map(({ fact }) => fact.idempotencyKey).sort())
})
