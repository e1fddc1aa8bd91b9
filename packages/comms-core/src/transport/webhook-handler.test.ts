import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { type CommsOptions, createComms } from '../comms.ts'
import { collect } from '../conformance/runner.ts'
import { CommsError } from '../errors.ts'
import { silentLogger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import type { Transport, WebhookEndpoint } from './transport.ts'
import type { WebhookReport } from './webhook-handler.ts'
import type { WebhookHead } from './webhook-request.ts'

const TOKEN = 'right-token-of-16'

function checkToken({ headers }: WebhookHead): void {
  if (headers.get('authorization') !== TOKEN) throw new CommsError('webhook_unverified', 'Pigeon: wrong ring')
}

/** Quarantines everything, so that the log shows the body as it was understood. */
function pigeon(endpoint: Partial<WebhookEndpoint> = {}, more: Partial<Transport> = {}): Transport {
  return {
    id: 'pigeon',
    channel: 'pigeon',
    account: 'loft-1',
    send: async () => ({ providerMessageId: 'p-1' }),
    webhooks: [
      {
        path: '/webhooks/pigeon',
        methods: ['POST'],
        verify: checkToken,
        parse: () => {
          throw new CommsError('webhook_unparsable', 'Pigeon: cannot read this')
        },
        ...endpoint,
      },
    ],
    ...more,
  }
}

let store: EventStore
let reports: WebhookReport[]
let warnings: { message: string; fields: Readonly<Record<string, unknown>> }[]

beforeEach(() => {
  store = memoryEventStore()
  reports = []
  warnings = []
})

const commsWith = (transport: Transport, options: Partial<CommsOptions> = {}) =>
  createComms({
    store,
    transports: [transport],
    logger: { ...silentLogger, warn: (message, fields = {}) => warnings.push({ message, fields }) },
    onWebhook: (report) => reports.push(report),
    ...options,
  })

type Body = string | Uint8Array<ArrayBuffer> | ReadableStream
const post = (body: Body, headers: Record<string, string> | [string, string][] = {}, path = '/webhooks/pigeon') => {
  const all = new Headers({ authorization: TOKEN })
  for (const [name, value] of Array.isArray(headers) ? headers : Object.entries(headers)) all.append(name, value)
  return new Request(`https://comms.example.com${path}`, { method: 'POST', body, headers: all, duplex: 'half' } as RequestInit)
}
const bodies = async () =>
  (await collect(store.readAll())).map((event) => (event.type === 'webhook.quarantined' ? event.data.body : event.type))

describe('the path of a webhook', () => {
  it.each(['/webhooks/pigeon', '/webhooks/pigeon/', '//webhooks/pigeon', '/webhooks//pigeon//'])('%s is the same path', async (path) => {
    expect((await commsWith(pigeon()).handle(post('x', {}, path))).status).toBe(200)
  })

  it('may be registered with a slash at its end', async () => {
    const comms = commsWith(pigeon({ path: '/webhooks/pigeon/' }))
    expect((await comms.handle(post('x'))).status).toBe(200)
    expect(() => createComms({ store, transports: [pigeon(), pigeon({ path: '/webhooks/pigeon/' }, { id: 'dove' })] })).toThrow(
      'pigeon and dove',
    )
  })

  it('of no transport is 404, reported, and logged with the paths there are', async () => {
    const comms = commsWith(pigeon())
    expect((await comms.handle(post('x', {}, '/webhooks/pigeons%0Aforged'))).status).toBe(404)
    expect(reports).toMatchObject([{ outcome: 'unknown-path', status: 404, method: 'POST', path: '/webhooks/pigeons%0Aforged' }])
    expect(reports[0]).not.toHaveProperty('transport')
    expect(warnings).toMatchObject([
      {
        message: 'No webhook at this path, nothing recorded',
        fields: { known: 'POST /webhooks/pigeon', path: '/webhooks/pigeons%0Aforged' },
      },
    ])
  })

  it.each(['GET', 'HEAD', 'PUT'])('called by %s instead of POST is 405, reported and logged', async (method) => {
    const request = new Request('https://comms.example.com/webhooks/pigeon/', { method, ...(method === 'PUT' ? { body: 'x' } : {}) })
    const answer = await commsWith(pigeon()).handle(request)
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
    expect(reports).toMatchObject([{ outcome: 'refused', status: 405, reason: 'Expected POST' }])
    expect(warnings).toMatchObject([{ fields: { method, known: 'POST /webhooks/pigeon' } }])
  })

  it('is kept as it was called, and its quarantine is parsed again', async () => {
    await commsWith(pigeon()).handle(post('x', {}, '/webhooks/pigeon/'))
    expect(await commsWith(pigeon({ parse: () => [] })).reparseQuarantined()).toMatchObject({ understood: 1, left: 0 })
  })
})

describe('a header that came several times', () => {
  it.each([
    ['authorization', TOKEN, 200],
    ['Authorization', `${TOKEN}, ${TOKEN}`, 200],
    ['authorization', 'wrong-token-of-16', 401],
  ])('%s, sent once more as %j, is answered %i', async (name, value, status) => {
    expect((await commsWith(pigeon()).handle(post('x', [[name, value]]))).status).toBe(status)
  })

  it('with one value is that value, also when it has a comma', async () => {
    const seen: (string | null)[] = []
    const parse = ({ headers }: WebhookHead) => {
      seen.push(headers.get('content-type'), headers.get('x-signature'), headers.get('x-forwarded-for'))
      return []
    }
    const headers: [string, string][] = ['content-type', 'x-signature', 'x-forwarded-for'].flatMap((name) =>
      Array.from({ length: 2 }, (): [string, string] => [name, name === 'x-signature' ? 't=1,v=2' : 'text/plain']),
    )
    await commsWith(pigeon({ parse })).handle(post('x', headers))
    // Proxies add to x-forwarded-for: there a value may stand twice.
    expect(seen).toEqual(['text/plain', 't=1,v=2', 'text/plain, text/plain'])
  })
})

describe('a compressed webhook', () => {
  const text = 'Bonjour '.repeat(50)

  it.each([
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['GZIP', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['identity', Buffer.from(text)],
    ['gzip, gzip', gzipSync(gzipSync(text))],
    ['gzip, gzip', gzipSync(text)],
    ['deflate, gzip', gzipSync(deflateSync(text))],
  ])('in %s is decoded', async (encoding, body) => {
    const answer = await commsWith(pigeon()).handle(
      post(new Uint8Array(body), { 'content-encoding': encoding, 'content-length': String(body.length) }),
    )
    expect(answer.status).toBe(200)
    expect(await bodies()).toEqual([text])
  })

  it('in br is decoded where the runtime can, and answered 415 where it cannot', async () => {
    const known = (() => {
      try {
        return Boolean(new DecompressionStream('brotli' as never))
      } catch {
        return false
      }
    })()
    const answer = await commsWith(pigeon()).handle(post(new Uint8Array(brotliCompressSync(text)), { 'content-encoding': 'br' }))
    expect(answer.status).toBe(known ? 200 : 415)
    expect(await bodies()).toEqual(known ? [text] : [])
  })

  it.each(['zstd', 'compress', 'gzip, zstd', 'constructor', 'gzip, gzip, gzip, gzip'])(
    'in %s is answered 415 with what is known',
    async (encoding) => {
      const answer = await commsWith(pigeon()).handle(post(new Uint8Array(gzipSync(text)), { 'content-encoding': encoding }))
      expect([answer.status, answer.headers.get('accept-encoding')]).toEqual([415, 'gzip, deflate, br'])
      expect(await answer.text()).toMatch(/one of gzip, deflate, br, got/)
      expect([await bodies(), reports[0]?.outcome]).toEqual([[], 'refused'])
    },
  )

  it('that was cut off is answered 400 and not recorded', async () => {
    const cut = new Uint8Array(gzipSync(text)).slice(0, -12)
    expect((await commsWith(pigeon()).handle(post(cut, { 'content-encoding': 'gzip' }))).status).toBe(400)
    expect(await bodies()).toEqual([])
  })

  it('that grows over the limit is answered 413 and never held whole', async () => {
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(200_000_000)))
    const before = process.memoryUsage().rss
    const answer = await commsWith(pigeon()).handle(post(bomb, { 'content-encoding': 'gzip', 'content-length': String(bomb.length) }))
    expect(answer.status).toBe(413)
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000)
    expect([await bodies(), reports[0]?.outcome]).toEqual([[], 'too-large'])
  })
})

describe('a webhook whose proof is a header', () => {
  it('is refused before its body is read, and its connection ends', async () => {
    let pulled = 0
    const endless = new ReadableStream(
      {
        pull(controller) {
          pulled += 1
          controller.enqueue(new Uint8Array(1000))
        },
      },
      { highWaterMark: 0 },
    )
    const request = new Request('https://comms.example.com/webhooks/pigeon', {
      method: 'POST',
      body: endless,
      duplex: 'half',
    } as RequestInit)
    const answer = await commsWith(pigeon({ authorize: checkToken })).handle(request)
    expect([answer.status, answer.headers.get('connection'), pulled]).toEqual([401, 'close', 0])
    expect(reports).toMatchObject([{ outcome: 'refused', reason: 'Pigeon: wrong ring' }])
  })

  it('is still verified with its body', async () => {
    const verify = () => {
      throw new CommsError('webhook_unverified', 'Pigeon: wrong feather', { httpStatus: 403 })
    }
    expect((await commsWith(pigeon({ authorize: checkToken, verify })).handle(post('x'))).status).toBe(403)
  })

  it('is refused when authorize breaks', async () => {
    const authorize = () => {
      throw new TypeError('bug')
    }
    expect((await commsWith(pigeon({ authorize })).handle(post('x'))).status).toBe(401)
  })
})

describe('many bodies at once', () => {
  /** A request of which `size` bytes come, and no end. */
  const slow = (size: number) =>
    post(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(size)),
      }),
      { 'transfer-encoding': 'chunked' },
    )

  it('are bounded in bytes: the longest that is being read is answered 503, and small ones pass', async () => {
    const comms = commsWith(pigeon(), { maxBodyBytes: 100_000, maxPendingBodyBytes: 200_000 })
    const answers: number[] = []
    const open = Array.from({ length: 10 }, () => comms.handle(slow(90_000)).then(({ status }) => answers.push(status)))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(answers).toEqual(Array(8).fill(503))
    for (let turn = 0; turn < 5; turn += 1) {
      const small = await comms.handle(post('x'.repeat(30_000), { 'content-length': '30000' }))
      expect(small.status).toBe(200)
    }
    expect(answers.length).toBeLessThan(10)
    expect(reports.filter(({ outcome }) => outcome === 'unavailable')).toHaveLength(answers.length)
    expect(open).toHaveLength(10)
  })

  it('are let in again when those before are answered', async () => {
    const comms = commsWith(pigeon(), { maxBodyBytes: 1000, maxPendingBodyBytes: 1000 })
    for (let turn = 0; turn < 20; turn += 1) expect((await comms.handle(post('x'.repeat(900)))).status).toBe(200)
  })

  it('that wait for the store are counted until they are answered', async () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const hanging: EventStore = { ...store, append: () => gate.then(() => Promise.reject(new CommsError('store_unavailable', 'away'))) }
    Object.setPrototypeOf(hanging, store)
    const comms = commsWith(pigeon(), { store: hanging, maxBodyBytes: 1000, maxPendingBodyBytes: 2500 })
    const waiting = [1, 2].map(() => comms.handle(post('x'.repeat(1000), { 'content-length': '1000' })))
    await new Promise((resolve) => setTimeout(resolve, 10))
    const refused = await comms.handle(post('x'.repeat(1000), { 'content-length': '1000' }))
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    release()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([503, 503])
  })
})

describe('a quarantined webhook', () => {
  it('that was there already is reported as repeated', async () => {
    const comms = commsWith(pigeon())
    for (let turn = 0; turn < 3; turn += 1) await comms.handle(post('{broken'))
    expect(reports.map(({ outcome }) => outcome)).toEqual(['quarantined', 'repeated', 'repeated'])
    expect(reports[1]?.reason).toBe('Pigeon: cannot read this')
  })

  it('is in the stream of its provider and account, whatever the id of its transport', async () => {
    await commsWith(pigeon({}, { id: 'second-loft', provider: 'pigeon', account: 'loft-2' })).handle(post('{broken'))
    expect(await collect(store.readAll())).toMatchObject([
      { provider: 'pigeon', streamId: 'transport:pigeon:loft-2', data: { transport: 'second-loft' } },
    ])
  })

  it('without a body is identified by its method, path and query', async () => {
    const comms = commsWith(pigeon({ methods: ['POST', 'GET'], allowEmptyBody: true }))
    const at = (query: string, method: string) =>
      new Request(`https://comms.example.com/webhooks/pigeon${query}`, { method, headers: { authorization: TOKEN } })
    for (const query of ['?a=1', '?a=2', '']) for (const method of ['GET', 'POST']) await comms.handle(at(query, method))
    expect(await bodies()).toEqual(Array(6).fill(''))
    await comms.handle(at('?a=1', 'GET'))
    expect(reports.at(-1)?.outcome).toBe('repeated')
  })

  it('is logged with its event and without its body', async () => {
    await commsWith(pigeon()).handle(post('{secret'))
    const [event] = await collect(store.readAll())
    expect(warnings).toMatchObject([{ message: 'Webhook not understood, kept raw in quarantine', fields: { eventId: event?.id } }])
    expect(JSON.stringify(warnings)).not.toMatch(/secret|right-token/)
  })
})

it('refused webhooks are logged by core, the first of a kind and then their number', async () => {
  const comms = commsWith(pigeon())
  for (let turn = 0; turn < 100; turn += 1) {
    await comms.handle(new Request('https://comms.example.com/webhooks/pigeon', { method: 'POST', body: 'x' }))
  }
  await comms.close()
  expect(warnings).toHaveLength(6)
  expect(warnings.at(-1)?.message).toBe('Webhook refused, nothing recorded (95 more like it in the last minute)')
})

it.each(['abc', '-1', '1e3', '3, 4', ''])('a webhook with Content-Length %j is answered 400', async (length) => {
  expect((await commsWith(pigeon()).handle(post('xxx', { 'content-length': length }))).status).toBe(400)
})
