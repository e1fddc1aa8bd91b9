import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createComms } from './comms.ts'
import { appendOf } from './conformance/builders.ts'
import { collect } from './conformance/runner.ts'
import { CommsError } from './errors.ts'
import { parseContactAddress } from './events/contact-address.ts'
import { idempotencyKey } from './events/idempotency-key.ts'
import type { EventFact } from './events/message-event.ts'
import type { AppendRequest, EventStore } from './store/event-store.ts'
import { memoryEventStore } from './store/memory-event-store.ts'
import type { Spool } from './store/spool.ts'
import type { Transport, WebhookEndpoint } from './transport/transport.ts'
import type { WebhookReport } from './transport/webhook-handler.ts'
import { bodyText } from './transport/webhook-request.ts'

const TOKEN = 'right-token'

function pigeon(endpoint: Partial<WebhookEndpoint> = {}, id = 'pigeon'): Transport {
  return {
    id,
    channel: 'pigeon',
    account: 'loft-1',
    send: async () => ({ providerMessageId: 'p-1' }),
    webhooks: [
      {
        path: '/webhooks/pigeon',
        methods: ['POST'],
        verify: ({ headers }) => {
          if (headers.get('authorization') !== TOKEN) throw new CommsError('webhook_unverified', 'Pigeon: wrong ring')
        },
        parse: (request) => (JSON.parse(bodyText(request)) as string[]).map(received),
        ...endpoint,
      },
    ],
  }
}

function received(name: string): EventFact {
  return {
    type: 'message.received',
    idempotencyKey: idempotencyKey('pigeon', name),
    channel: 'pigeon',
    provider: 'pigeon',
    direction: 'inbound',
    contact: parseContactAddress(name.startsWith('b') ? '+33639980002' : '+33639980001'),
    messageId: `pigeon:${name}`,
    providerMessageId: name,
    data: { text: name },
  }
}

const post = (body: string | Uint8Array<ArrayBuffer> | ReadableStream, headers: Record<string, string> = { authorization: TOKEN }) =>
  new Request('https://comms.example.com/webhooks/pigeon?x=1', { method: 'POST', body, headers, duplex: 'half' } as RequestInit)

let store: EventStore
let reports: WebhookReport[]
const commsWith = (transport: Transport, use: EventStore = store) =>
  createComms({ store: use, transports: [transport], onWebhook: (report) => reports.push(report) })

beforeEach(() => {
  store = memoryEventStore()
  reports = []
})

describe('a webhook', () => {
  it('is recorded before it is answered', async () => {
    const order: string[] = []
    const slow: EventStore = {
      ...bound(store),
      append: async (requests) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        order.push('recorded')
        return store.append(requests)
      },
    }
    const response = await commsWith(pigeon(), slow).handle(post('["a","b"]'))
    order.push('answered')
    expect(response.status).toBe(200)
    expect(order).toEqual(['recorded', 'answered'])
    expect((await collect(store.readAll())).map(({ streamId }) => streamId)).toEqual(['pigeon:+33639980001', 'pigeon:+33639980002'])
    expect(reports).toMatchObject([{ outcome: 'recorded', status: 200 }])
  })

  it('sent again is answered with success and recorded once', async () => {
    const comms = commsWith(pigeon())
    for (let turn = 0; turn < 3; turn += 1) expect((await comms.handle(post('["a"]'))).status).toBe(200)
    expect(await collect(store.readAll())).toHaveLength(1)
    expect(reports.map(({ outcome }) => outcome)).toEqual(['recorded', 'repeated', 'repeated'])
  })

  it('that is not verified is refused and never parsed', async () => {
    const parse = vi.fn()
    const comms = commsWith(pigeon({ parse }))
    expect((await comms.handle(post('["a"]', {}))).status).toBe(401)
    expect(parse).not.toHaveBeenCalled()
    expect(await collect(store.readAll())).toEqual([])
    expect(reports).toMatchObject([{ outcome: 'refused', reason: 'Pigeon: wrong ring' }])
  })

  it('is refused when verification breaks', async () => {
    const verify = () => {
      throw new TypeError('bug')
    }
    expect((await commsWith(pigeon({ verify })).handle(post('["a"]'))).status).toBe(401)
  })

  it('that is not understood is kept raw, once, and answered with success', async () => {
    const comms = commsWith(pigeon())
    for (let turn = 0; turn < 2; turn += 1) expect((await comms.handle(post('{broken'))).status).toBe(200)
    const log = await collect(store.readAll())
    expect(log).toHaveLength(1)
    expect(log[0]).toMatchObject({
      type: 'webhook.quarantined',
      streamId: 'transport:pigeon:loft-1',
      data: { transport: 'pigeon', body: '{broken', bodyEncoding: 'utf8', path: '/webhooks/pigeon', query: '?x=1' },
    })
    expect(JSON.stringify(log)).not.toContain(TOKEN)
  })

  it('whose facts break the schema is kept raw', async () => {
    const parse = () => [{ ...received('a'), data: { nonsense: 1 } } as unknown as EventFact]
    expect((await commsWith(pigeon({ parse })).handle(post('["a"]'))).status).toBe(200)
    expect(await collect(store.readAll())).toMatchObject([{ type: 'webhook.quarantined', data: { body: '["a"]' } }])
  })

  it('that the store can never hold is kept raw', async () => {
    const picky: EventStore = {
      ...bound(store),
      append: async (requests) => {
        if (requests.some(({ events }) => events.some(({ type }) => type === 'message.received')))
          throw new CommsError('event_invalid', 'no pigeons')
        return store.append(requests)
      },
    }
    expect((await commsWith(pigeon(), picky).handle(post('["a"]'))).status).toBe(200)
    expect(await collect(store.readAll())).toMatchObject([{ type: 'webhook.quarantined', data: { reason: 'no pigeons' } }])
  })

  it('with bytes that are no text is kept whole', async () => {
    const bytes = new Uint8Array([0xff, 0x00, 0xfe, 0x41])
    await commsWith(pigeon()).handle(post(bytes))
    expect(await collect(store.readAll())).toMatchObject([{ data: { bodyEncoding: 'base64', body: btoa('\xff\x00\xfeA') } }])
  })

  it('with nothing to record is answered with success', async () => {
    expect((await commsWith(pigeon()).handle(post('[]'))).status).toBe(200)
    expect(reports).toMatchObject([{ outcome: 'empty' }])
  })

  it('is answered 503 while the store is away', async () => {
    const away: EventStore = { ...bound(store), append: () => Promise.reject(new CommsError('store_unavailable', '/data: disk full')) }
    const response = await commsWith(pigeon(), away).handle(post('["a"]'))
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    expect(await response.text()).not.toContain('/data')
    expect(reports).toMatchObject([{ outcome: 'unavailable', reason: '/data: disk full' }])
  })

  it.each([
    ['declared', () => post('x'.repeat(1001))],
    ['in chunks', () => post(new ReadableStream({ start: (controller) => [0, 1].map(() => controller.enqueue(new Uint8Array(600))) }))],
  ])('over the body limit is answered 413 (%s)', async (_, request) => {
    const comms = createComms({ store, transports: [pigeon()], maxBodyBytes: 1000, onWebhook: (report) => reports.push(report) })
    expect((await comms.handle(request())).status).toBe(413)
    expect(await collect(store.readAll())).toEqual([])
    expect(reports).toMatchObject([{ outcome: 'too-large' }])
  })

  it('to another path is 404, with another method 405', async () => {
    const comms = commsWith(pigeon())
    expect((await comms.handle(new Request('https://comms.example.com/webhooks/other', { method: 'POST' }))).status).toBe(404)
    const wrongMethod = await comms.handle(new Request('https://comms.example.com/webhooks/pigeon'))
    expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('is answered as its transport says', async () => {
    const acknowledge = () => new Response('<Response/>', { headers: { 'content-type': 'text/xml' } })
    const comms = commsWith(pigeon({ acknowledge }))
    for (const body of ['["a"]', '{broken']) expect(await (await comms.handle(post(body))).text()).toBe('<Response/>')
  })

  it('is not disturbed by a report that throws', async () => {
    const comms = createComms({
      store,
      transports: [pigeon()],
      onWebhook: () => {
        throw new Error('metrics are down')
      },
    })
    expect((await comms.handle(post('["a"]'))).status).toBe(200)
  })
})

describe('a webhook while the store is away', () => {
  const memorySpool = (): Spool & { full: boolean } => {
    let waiting: (readonly AppendRequest[])[] = []
    const spool = {
      full: false,
      put: async (requests: readonly AppendRequest[]) => {
        if (spool.full) throw new CommsError('store_overloaded', 'the spool is full')
        waiting.push(requests)
      },
      drain: async (to: EventStore) => {
        const recorded = (await to.append(waiting.flat())).length
        waiting = []
        return { recorded, left: 0, setAside: [] }
      },
      size: async () => waiting.length,
    }
    return spool
  }

  it('is answered with success from the spool, and is in the log when the store is back', async () => {
    let away = true
    const flaky: EventStore = {
      ...bound(store),
      append: (requests) => (away ? Promise.reject(new CommsError('store_unavailable', 'away')) : store.append(requests)),
    }
    const spool = memorySpool()
    const comms = createComms({ store: flaky, spool, transports: [pigeon()], onWebhook: (report) => reports.push(report) })
    for (const body of ['["a"]', '{broken', '["b"]']) expect((await comms.handle(post(body))).status).toBe(200)
    expect(reports.map(({ outcome }) => outcome)).toEqual(['spooled', 'spooled', 'spooled'])
    away = false
    await vi.waitFor(async () => expect(await collect(store.readAll())).toHaveLength(3), 5000)
    await comms.close()
  })

  it('waits behind those that wait already, also when the store is back', async () => {
    const spool = memorySpool()
    await spool.put([appendOf('pigeon:+33639980001', ['earlier'])])
    const comms = createComms({ store, spool, transports: [pigeon()], onWebhook: (report) => reports.push(report) })
    await comms.handle(post('["later"]'))
    expect(reports.map(({ outcome }) => outcome)).toEqual(['spooled'])
    await vi.waitFor(async () => expect(await collect(store.readAll())).toHaveLength(2), 5000)
    expect((await collect(store.readAll()))[0]?.idempotencyKey).toBe('earlier')
    await comms.handle(post('["last"]'))
    expect(reports.map(({ outcome }) => outcome)).toEqual(['spooled', 'recorded'])
    await comms.close()
  })

  it('is answered 503 when the spool is full', async () => {
    const away: EventStore = { ...bound(store), append: () => Promise.reject(new CommsError('store_unavailable', 'away')) }
    const spool = memorySpool()
    spool.full = true
    const comms = createComms({ store: away, spool, transports: [pigeon()] })
    expect((await comms.handle(post('["a"]'))).status).toBe(503)
    await comms.close()
  })

  it('is answered within ingestTimeoutMs while the store hangs: from the spool, or 503 without one', async () => {
    const hanging: EventStore = { ...bound(store), append: () => new Promise(() => undefined) }
    for (const [spool, status] of [
      [memorySpool(), 200],
      [undefined, 503],
    ] as const) {
      const comms = createComms({ store: hanging, transports: [pigeon()], ingestTimeoutMs: 100, ...(spool ? { spool } : {}) })
      const startedAt = performance.now()
      const answers = await Promise.all(['["a"]', '["b"]', '{broken'].map((body) => comms.handle(post(body))))
      expect(answers.map((answer) => answer.status)).toEqual([status, status, status])
      expect(performance.now() - startedAt).toBeLessThan(1_000)
    }
  })

  it('left by an earlier run is drained after start, and the spool is closed with the rest', async () => {
    let isClosed = false
    const spool = {
      ...memorySpool(),
      close: async () => {
        isClosed = true
      },
    }
    await spool.put([appendOf('pigeon:+33639980001', ['left'])])
    const comms = createComms({ store, spool, transports: [pigeon()] })
    comms.start()
    await vi.waitFor(async () => expect(await collect(store.readAll())).toHaveLength(1), 5000)
    await comms.close()
    expect(isClosed).toBe(true)
  })
})

describe('reparseQuarantined', () => {
  it('records what is understood now, at its old time, and only once', async () => {
    const blind = commsWith(pigeon({ parse: () => Promise.reject(new Error('not yet')) }))
    await blind.handle(post('["a","b"]'))
    await blind.handle(post('{broken'))
    const [quarantined] = await collect(store.readAll())

    const comms = commsWith(pigeon())
    expect(await comms.reparseQuarantined()).toEqual({ understood: 1, recorded: 2, left: 1 })
    expect(await comms.reparseQuarantined()).toEqual({ understood: 1, recorded: 0, left: 1 })
    const messages = (await collect(store.readAll())).filter(({ type }) => type === 'message.received')
    expect(messages.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['pigeon:a', 'pigeon:b'])
    expect(messages[0]?.occurredAt).toBe(quarantined?.occurredAt)
  })
})

describe('createComms', () => {
  it('refuses two transports of one id, of one path, or with a bad id', () => {
    expect(() => createComms({ store, transports: [pigeon(), pigeon()] })).toThrow('different ids, got pigeon, pigeon')
    expect(() => createComms({ store, transports: [pigeon(), pigeon({}, 'dove')] })).toThrow('wanted by two transports: pigeon and dove')
    expect(() => createComms({ store, transports: [pigeon({}, 'My Pigeon')] })).toThrow(
      'transports.0.id: expected lower-case letters, digits and dashes',
    )
  })

  it('finishes what is under way when it is closed', async () => {
    const comms = commsWith(pigeon())
    const answered = comms.handle(post('["a"]'))
    await comms.close()
    expect((await answered).status).toBe(200)
    expect((await comms.handle(post('["b"]'))).status).toBe(503)
  })
})

function bound(good: EventStore): EventStore {
  return {
    append: (requests) => good.append(requests),
    find: (key) => good.find(key),
    readStream: (...given) => good.readStream(...given),
    readAll: (...given) => good.readAll(...given),
    close: () => good.close(),
  }
}
