import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Comms, createComms } from '../comms.ts'
import { collect } from '../conformance/runner.ts'
import { CommsError } from '../errors.ts'
import { parseContactAddress } from '../events/contact-address.ts'
import { silentLogger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import type { Transport } from './transport.ts'
import type { WebhookReport } from './webhook-handler.ts'
import { bodyText } from './webhook-request.ts'

const TOKEN = 'right-token-of-16'

/** Like a provider whose proof is a header: it says nothing about the body. */
const pigeon: Transport = {
  id: 'pigeon',
  channel: 'pigeon',
  account: 'loft-1',
  send: async () => ({ providerMessageId: 'p-1' }),
  webhooks: [
    {
      path: '/webhooks/pigeon',
      methods: ['POST', 'GET'],
      verify: ({ headers }) => {
        if (headers.get('authorization') !== TOKEN) throw new CommsError('webhook_unverified', 'Pigeon: wrong ring')
      },
      parse: (request) => {
        const { id, text } = request.method === 'GET' ? { id: new URL(request.url).search, text: 'GET' } : JSON.parse(bodyText(request))
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
            data: { text },
          },
        ]
      },
    },
  ],
}

type Parsed = IncomingMessage & { body?: unknown; bytes?: Buffer }

/** Reads the body to its end, as express.json(), express.raw() and body-parser do. */
async function parserOfTheFramework(req: Parsed): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk as Buffer)
  req.bytes = Buffer.concat(chunks)
  req.body = req.bytes.length > 0 ? JSON.parse(req.bytes.toString()) : {}
}

const urlOf = (req: IncomingMessage) => `http://comms.example.com${req.url}`
const headersOf = (req: IncomingMessage) =>
  Object.entries(req.headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as [string, string]] : []))
const requestOf = (req: Parsed, body: unknown, headers = headersOf(req)) =>
  new Request(urlOf(req), { method: 'POST', headers, body, duplex: 'half' } as RequestInit)

let store: EventStore
let comms: Comms
let reports: WebhookReport[]
let warnings: { message: string; fields: unknown }[]
let server: Server | undefined

beforeEach(() => {
  store = memoryEventStore()
  reports = []
  warnings = []
  const logger = { ...silentLogger, warn: (message: string, fields: unknown) => void warnings.push({ message, fields }) }
  comms = createComms({ store, transports: [pigeon], logger, onWebhook: (report) => reports.push(report) })
})
afterEach(async () => {
  await comms.close()
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined))
  server = undefined
})

/** A server whose framework reads the body, or not, before its route makes a Request of it. */
async function listen(toRequest: (req: Parsed) => Request, { parses = true } = {}): Promise<string> {
  server = createServer(async (req: Parsed, res) => {
    if (parses) await parserOfTheFramework(req)
    const response = await comms.handle(toRequest(req))
    res.writeHead(response.status, Object.fromEntries(response.headers))
    res.end(await response.text())
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/pigeon`
}

const messageOf = (id: string) => `{ "id": "${id}",   "text": "Bonjour \\u00e9t\\u00e9" }`
const authorization = { authorization: TOKEN }
const postWithLength = (url: string, body: string) => fetch(url, { method: 'POST', headers: authorization, body })
const postInChunks = (url: string, body: string) =>
  fetch(url, { method: 'POST', headers: authorization, body: new Blob([body]).stream(), duplex: 'half' } as RequestInit)

const posts = { 'with Content-Length': postWithLength, 'in chunks': postInChunks }

describe('three webhooks whose bodies the framework has read', () => {
  it.each([
    ['Readable.toWeb(req)', 'with Content-Length', (req: Parsed) => requestOf(req, Readable.toWeb(req))],
    ['Readable.toWeb(req)', 'in chunks', (req: Parsed) => requestOf(req, Readable.toWeb(req))],
    ['no body at all', 'with Content-Length', (req: Parsed) => requestOf(req, undefined)],
    ['no body at all', 'in chunks', (req: Parsed) => requestOf(req, undefined)],
    ['the parsed object itself', 'with Content-Length', (req: Parsed) => requestOf(req, req.body)],
    ['the parsed object itself', 'in chunks', (req: Parsed) => requestOf(req, req.body)],
    ['JSON.stringify(req.body) under the old headers', 'with Content-Length', (req: Parsed) => requestOf(req, JSON.stringify(req.body))],
    [
      'JSON.stringify(req.body) with more spaces',
      'with Content-Length',
      (req: Parsed) => requestOf(req, JSON.stringify(req.body, null, 8)),
    ],
    ['JSON.stringify of the bytes', 'with Content-Length', (req: Parsed) => requestOf(req, JSON.stringify(req.bytes))],
    ['JSON.stringify of the bytes', 'in chunks', (req: Parsed) => requestOf(req, JSON.stringify(req.bytes))],
    ['the text undefined', 'in chunks', (req: Parsed) => requestOf(req, `${undefined}`)],
    ['an empty object', 'with Content-Length', (req: Parsed) => requestOf(req, '{}')],
    ['an empty object', 'in chunks', (req: Parsed) => requestOf(req, '{}')],
    ['null', 'in chunks', (req: Parsed) => requestOf(req, 'null')],
    ['the first half', 'with Content-Length', (req: Parsed) => requestOf(req, req.bytes?.subarray(0, 20))],
    ['an empty body, with the token alone', 'in chunks', (req: Parsed) => requestOf(req, '', [['authorization', TOKEN]])],
    ['an empty object, with the token alone', 'in chunks', (req: Parsed) => requestOf(req, '{}', [['authorization', TOKEN]])],
  ] as const)('are refused, named and not recorded: %s, sent %s', async (_, how, toRequest) => {
    const url = await listen(toRequest)
    for (const id of ['1', '2', '3']) {
      const answer = await posts[how](url, messageOf(id))
      expect(answer.status).toBe(400)
      expect(await answer.text()).toMatch(/expected .*, got .*express\.json\(\).*Mount the webhook before it/)
    }
    expect(await collect(store.readAll())).toEqual([])
    expect(reports.map(({ outcome, status }) => `${outcome} ${status}`)).toEqual(Array(3).fill('refused 400'))
    expect(warnings).toHaveLength(3)
    expect(warnings[0]).toMatchObject({
      message: 'Webhook refused, nothing recorded',
      fields: { transport: 'pigeon', reason: expect.stringContaining('express.json()') },
    })
  })
})

describe('three webhooks handed over as they came', () => {
  it.each([
    ['the bytes of express.raw()', true, (req: Parsed) => requestOf(req, req.bytes)],
    ['the bytes as text', true, (req: Parsed) => requestOf(req, req.bytes?.toString())],
    ['the stream before a parser', false, (req: Parsed) => requestOf(req, Readable.toWeb(req))],
    [
      'JSON.stringify(req.body) under new headers',
      true,
      (req: Parsed) => requestOf(req, JSON.stringify(req.body), [['authorization', TOKEN]]),
    ],
  ] as const)('are three events: %s', async (_, parses, toRequest) => {
    const url = await listen(toRequest, { parses })
    for (const post of [postWithLength, postInChunks])
      for (const id of ['1', '2', '3']) expect((await post(url, messageOf(id))).status).toBe(200)
    expect((await collect(store.readAll())).map(({ data }) => data)).toEqual(Array(3).fill({ text: 'Bonjour été' }))
  })
})

it('a webhook whose Request was read before is refused with the reason', async () => {
  const request = requestOf({ url: '/webhooks/pigeon', headers: authorization } as unknown as Parsed, messageOf('1'))
  await request.text()
  expect(await (await comms.handle(request)).json()).toMatchObject({ error: expect.stringContaining('bodyUsed') })
  expect(reports).toMatchObject([{ outcome: 'refused', status: 400 }])
})

it('a webhook whose body is being read by something else is refused with the reason', async () => {
  const request = requestOf({ url: '/webhooks/pigeon', headers: authorization } as unknown as Parsed, messageOf('1'))
  request.body?.getReader()
  const answer = await comms.handle(request)
  expect([answer.status, reports[0]?.outcome]).toEqual([400, 'refused'])
})

it('a webhook whose sender goes away in the middle is refused and not recorded', async () => {
  const broken = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"id":'))
      controller.error(new Error('aborted'))
    },
  })
  const answer = await comms.handle(requestOf({ url: '/webhooks/pigeon', headers: authorization } as unknown as Parsed, broken))
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ error: expect.stringMatching(/expected to read it to its end, got Error/) })
  expect(await collect(store.readAll())).toEqual([])
})

it('a webhook by GET needs no body', async () => {
  const get = (query: string) => new Request(`http://comms.example.com/webhooks/pigeon${query}`, { headers: authorization })
  for (const query of ['?a=1', '?a=2']) expect((await comms.handle(get(query))).status).toBe(200)
  expect(await collect(store.readAll())).toHaveLength(2)
})

it('an Express request given to comms.handle is answered with what is expected, and logged', async () => {
  const errors: string[] = []
  const own = createComms({ store: memoryEventStore(), logger: { ...silentLogger, error: (message) => errors.push(message) } })
  const url = await listen((req) => req as unknown as Request, { parses: false })
  comms = own
  const answer = await postWithLength(url, messageOf('1'))
  expect(answer.status).toBe(500)
  expect(await answer.json()).toMatchObject({ error: expect.stringMatching(/expected a Web Request .* got IncomingMessage/) })
  expect(errors).toEqual([expect.stringContaining('got IncomingMessage')])
})

it.each([undefined, null, 'POST /webhooks', {}, { url: '/webhooks/pigeon', method: 'POST', headers: {} }])(
  'comms.handle(%j) says that it expects a Request',
  async (given) => {
    const answer = await comms.handle(given as unknown as Request)
    expect(await answer.json()).toMatchObject({ ok: false, error: expect.stringContaining('expected a Web Request') })
  },
)

it('a compressed webhook that the framework has decoded already is taken as it is', async () => {
  server = createServer(async (req: Parsed, res) => {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    // As express.raw({ inflate: true }) hands it over: decoded bytes under the headers of the compressed ones.
    const { gunzipSync } = await import('node:zlib')
    const response = await comms.handle(requestOf(req, gunzipSync(Buffer.concat(chunks))))
    res.writeHead(response.status).end()
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/pigeon`
  const headers = { ...authorization, 'content-encoding': 'gzip' }
  expect((await fetch(url, { method: 'POST', headers, body: gzipSync(messageOf('1')) })).status).toBe(200)
  expect(await collect(store.readAll())).toMatchObject([{ type: 'message.received' }])
})
