import { expect, it } from 'vitest'
import { CommsError } from '../errors.ts'
import { parseContactAddress } from '../events/contact-address.ts'
import type { EventFact } from '../events/message-event.ts'
import { silentLogger, systemClock, uuidSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { Arrivals } from './arrivals.ts'
import { startInboxPump } from './inbox-pump.ts'
import type { InboxReader, Transport } from './transport.ts'

/** A provider with a queue; `broken` makes the next calls fail. */
function provider(bodies: string[]) {
  const queue = [...bodies]
  const broken: { receive?: Error; acknowledge?: Error } = {}
  const fail = (step: 'receive' | 'acknowledge') => {
    const error = broken[step]
    delete broken[step]
    if (error) throw error
  }
  const inbox: InboxReader = {
    async receive({ signal }) {
      fail('receive')
      const [body] = queue
      if (body === undefined) return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }))
      return {
        body: new TextEncoder().encode(body),
        async acknowledge() {
          fail('acknowledge')
          if (queue[0] === body) queue.shift()
        },
      }
    },
    parse(body): EventFact[] {
      const id = new TextDecoder().decode(body)
      if (id === 'poison') throw new CommsError('webhook_unparsable', 'not understood')
      return [
        {
          type: 'message.received',
          idempotencyKey: `pigeon:${id}`,
          channel: 'pigeon',
          provider: 'pigeon',
          direction: 'inbound',
          contact: parseContactAddress('+33639980001'),
          messageId: `pigeon:${id}`,
          providerMessageId: id,
          data: { text: id },
        },
      ]
    },
  }
  return { inbox, queue, broken }
}

async function pumped(bodies: string[], over: { store?: EventStore; breaks?: 'receive' | 'acknowledge' } = {}) {
  const { inbox, queue, broken } = provider(bodies)
  if (over.breaks) broken[over.breaks] = new CommsError('send_unavailable', 'away', { retryAfterMs: 5000 })
  const store = memoryEventStore()
  const transport: Transport = { id: 'pigeon', channel: 'pigeon', account: 'loft', send: async () => ({ providerMessageId: '1' }), inbox }
  const waits: number[] = []
  const outcomes: string[] = []
  let done: () => void = () => {}
  const empty = new Promise<void>((resolve) => {
    done = resolve
  })
  const pump = startInboxPump({
    transport,
    inbox: {
      ...inbox,
      receive: (options) => {
        if (queue.length === 0) done()
        return inbox.receive(options)
      },
    },
    store: over.store ?? store,
    arrivals: new Arrivals({ store: over.store ?? store }),
    clock: systemClock,
    ids: uuidSource,
    logger: silentLogger,
    random: () => 0,
    sleep: async (ms) => {
      waits.push(ms)
    },
    onDelivery: ({ outcome }) => {
      outcomes.push(outcome)
    },
  })
  await empty
  await pump.stop()
  const events = []
  for await (const event of store.readAll()) events.push(event)
  return { events, waits, outcomes }
}

it('records each delivery once, in order, and keeps poison raw without stopping at it', async () => {
  const { events, outcomes } = await pumped(['1', 'poison', '2', '1'])
  expect(outcomes).toEqual(['recorded', 'quarantined', 'recorded', 'repeated'])
  expect(events.map(({ type }) => type)).toEqual(['message.received', 'webhook.quarantined', 'message.received'])
  expect(events[1]).toMatchObject({ source: { via: 'poll' }, data: { method: 'POLL', body: 'poison' } })
})

it('waits as long as the provider says when it cannot be asked', async () => {
  const { waits, outcomes } = await pumped(['1'], { breaks: 'receive' })
  expect([waits, outcomes]).toEqual([[5000], ['recorded']])
})

it('records a delivery whose acknowledgement failed as a repeat', async () => {
  const { outcomes, events } = await pumped(['1'], { breaks: 'acknowledge' })
  expect([outcomes, events.length]).toEqual([['recorded', 'repeated'], 1])
})

it('acknowledges nothing while the store is away', async () => {
  const inner = memoryEventStore()
  let refusals = 3
  const store: EventStore = {
    ...inner,
    append: (requests) => {
      refusals -= 1
      if (refusals >= 0) throw new CommsError('store_unavailable', 'away')
      return inner.append(requests)
    },
  }
  const { waits, outcomes } = await pumped(['1'], { store })
  expect(waits).toEqual([1000, 2000, 4000])
  expect(outcomes).toEqual(['recorded'])
})
