import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { serve } from '@hono/node-server'
import { createComms, memoryEventStore, silentLogger } from '@pipe-comms/core'
import { greenApiTransport } from '@pipe-comms/transport-greenapi'
import { Hono } from 'hono'
import { sign } from 'hono/jwt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from './config.ts'
import { createLogger } from './log.ts'
import { type Server, startServer } from './server.ts'

const TOKEN = 'webhook-token-for-tests'
const JWT_SECRET = 'a-secret-for-tests-of-at-least-32-characters'

let dir: string
let server: Server
let logged: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-front-'))
  logged = ''
  const env = { PORT: '0', MESSAGE_EVENT_LOGS_DIR: join(dir, 'events'), GREEN_API_WEBHOOK_TOKEN: TOKEN, JWT_SECRET, ESPOCRM_URL: 'off' }
  const config = loadConfig(env)
  const lines = new Writable({
    write: (chunk, _encoding, done) => {
      logged += chunk
      done()
    },
  })
  server = await startServer(config, createLogger(config, lines))
})
afterEach(async () => {
  await server.close()
  await rm(dir, { recursive: true })
})

const notification = JSON.stringify({
  typeWebhook: 'incomingMessageReceived',
  instanceData: { idInstance: 7105000001, wid: '33639980050@c.us', typeInstance: 'whatsapp' },
  timestamp: 1_767_694_019,
  idMessage: '3EB00000000000000019',
  senderData: { chatId: '33639980001@c.us', sender: '33639980001@c.us', chatName: 'Camille', senderName: 'Camille' },
  messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: 'Bonjour' } },
})

async function post(path: string, headers: Record<string, string | string[]>, body: string | Buffer): Promise<number | undefined> {
  const sending = request(`${server.url}${path}`, { method: 'POST', headers })
  sending.end(body)
  const [answer] = await once(sending, 'response')
  answer.resume()
  return answer.statusCode
}

async function get(path: string): Promise<unknown> {
  const token = await sign({ exp: Math.floor(Date.now() / 1000) + 600 }, JWT_SECRET, 'HS256')
  return (await fetch(server.url + path, { headers: { authorization: `Bearer ${token}` } })).json()
}

async function types(): Promise<string[]> {
  const page = (await get('/api/events')) as { events: { type: string }[] }
  return page.events.map(({ type }) => type)
}

const authorization = `Bearer ${TOKEN}`

describe('the server takes a Green-API notification', () => {
  it.each<[string, string, Record<string, string | string[]>, string | Buffer]>([
    ['as Green-API sends it', '/webhooks/greenapi', { authorization }, notification],
    ['at the path with a slash at its end', '/webhooks/greenapi/', { authorization }, notification],
    ['with Authorization sent twice', '/webhooks/greenapi', { authorization: [authorization, authorization] }, notification],
    ['in gzip', '/webhooks/greenapi', { authorization, 'content-encoding': 'gzip' }, gzipSync(notification)],
    [
      'in gzip and chunks',
      '/webhooks/greenapi/',
      { authorization, 'content-encoding': 'gzip', 'transfer-encoding': 'chunked' },
      gzipSync(notification),
    ],
  ])('%s', async (_, path, headers, body) => {
    const length = 'transfer-encoding' in headers ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    expect(await post(path, { ...headers, ...length }, body)).toBe(200)
    expect(await types()).toEqual(['message.received'])
  })
})

it('the server refuses an empty notification three times, and keeps none of them', async () => {
  for (let turn = 0; turn < 3; turn += 1) expect(await post('/webhooks/greenapi', { authorization, 'content-length': '0' }, '')).toBe(400)
  expect(await types()).toEqual([])
  expect(logged).toContain('expected a POST with a body, got 0 bytes')
})

it('the server logs and counts a webhook at a path that is none, with the paths there are', async () => {
  expect(await post('/webhooks/green-api', { authorization }, notification)).toBe(404)
  expect(logged).toMatch(/No webhook at this path, nothing recorded.*POST \/webhooks\/greenapi/)
  expect(await get('/api/health')).toMatchObject({ webhooks: { 'unknown-path': 1 } })
})

it('the server refuses a hundred strangers with large bodies before these are there, and ends their connections', async () => {
  const { port } = new URL(server.url)
  const head = 'POST /webhooks/greenapi HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\nContent-Length: 900000\r\n\r\n'
  const answers = await Promise.all(
    Array.from({ length: 100 }, async () => {
      const socket = connect(Number(port), '127.0.0.1')
      let answer = ''
      socket.on('data', (chunk) => {
        answer += chunk
      })
      socket.on('error', () => undefined)
      // The rest of the body never comes.
      socket.write(`${head}${'x'.repeat(50_000)}`)
      await once(socket, 'close')
      return answer.split('\r\n')[0]
    }),
  )
  expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 401 Unauthorized']))
}, 20_000)

it('a Hono route that reads the body before it hands the request over is answered 400 with the reason', async () => {
  const transport = greenApiTransport({ idInstance: 7105000001, webhookToken: TOKEN })
  const comms = createComms({ store: memoryEventStore(), transports: [transport], logger: silentLogger })
  const app = new Hono().post('/webhooks/greenapi', async (c) => {
    await c.req.json()
    return comms.handle(c.req.raw)
  })
  const hono = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  await once(hono, 'listening')
  const { port } = hono.address() as AddressInfo
  const answer = await fetch(`http://127.0.0.1:${port}/webhooks/greenapi`, {
    method: 'POST',
    headers: { authorization },
    body: notification,
  })
  expect(answer.status).toBe(400)
  expect(await answer.text()).toContain('Was it read before')
  hono.close()
  await comms.close()
})
