import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { request as plainRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { promisify } from 'node:util'
import { sign } from 'hono/jwt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../config.ts'
import { createLogger } from '../log.ts'
import { type Server, startServer } from '../server.ts'

const JWT_SECRET = 'a-secret-for-tests-of-at-least-32-characters'
const ALEX = '+33639980002'
const STOPPED = '+33639980004'

let dir: string
let server: Server
let logged = ''
let authorization: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-messages-'))
  authorization = `Bearer ${await sign({ sub: 'test', exp: Math.floor(Date.now() / 1000) + 600 }, JWT_SECRET, 'HS256')}`
  server = await startOn('events')
})
afterAll(async () => {
  await server.close()
  await rm(dir, { recursive: true })
})

function startOn(folder: string, env: Record<string, string> = {}): Promise<Server> {
  const config = loadConfig({ PORT: '0', MESSAGE_EVENT_LOGS_DIR: join(dir, folder), JWT_SECRET, ...env })
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      logged += chunk
      done()
    },
  })
  return startServer(config, createLogger(config, sink))
}

interface Answer {
  success: boolean
  messageId: string
  status: string
  providerMessageId?: string
  error: { code: string; message: string; class?: string; fields?: Record<string, string> }
}

const call = async (path: string, init: RequestInit = {}, to = server) => {
  const response = await fetch(`${to.url}${path}`, { ...init, headers: { authorization, ...(init.headers as Record<string, string>) } })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer }
}
const post = (
  body: unknown,
  { query = '', headers = {}, to = server }: { query?: string; headers?: Record<string, string>; to?: Server } = {},
) => call(`/api/messages${query}`, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) }, to)
const whatsapp = (over: object = {}) => ({ channel: 'whatsapp', to: ALEX, text: 'Bonjour Alex', ...over })
const requests = async () => {
  const { body } = await call('/api/events?limit=1000')
  return (body as unknown as { events: { type: string }[] }).events.filter(({ type }) => type === 'message.requested').length
}

describe('POST /api/messages', () => {
  it('answers 202 when the request is durable, and with wait=sent 200 and the id of the provider', async () => {
    const { status, body } = await post(whatsapp())
    expect([status, body]).toEqual([202, { success: true, messageId: expect.stringMatching(/^msg_/), status: 'requested' }])
    const waited = await post(whatsapp(), { query: '?wait=sent&timeout=10' })
    expect([waited.status, waited.body]).toMatchObject([200, { success: true, providerMessageId: expect.stringMatching(/^\w+$/) }])
    expect(logged).toContain(`messageId: ${body.messageId}, event: evt_`)
    expect(logged).toMatch(
      /\[REQUESTED\] \{channel: whatsapp, provider: greenapi, leadId: inconnu, contact: \+33639980002, messageId: msg_/,
    )
    expect(logged).toMatch(/\[SENT\] \{channel: whatsapp, provider: greenapi, leadId: inconnu, contact: \+33639980002, messageId: msg_/)
  })

  it('takes the line of the README as it stands there', async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
    const line = /^curl -X POST "[^"]*\/api\/messages.*?(?=\n```)/ms
      .exec(readme)?.[0]
      .replace('http://127.0.0.1:3000', server.url) as string
    const { stdout } = await promisify(execFile)('sh', ['-c', line], { env: { PATH: process.env.PATH, TOKEN: authorization.slice(7) } })
    expect(JSON.parse(stdout)).toMatchObject({ success: true, providerMessageId: expect.any(String) })
  })

  it('sends an SMS and a mail, with the addresses of this country and the names of the library', async () => {
    const sms = await post({ channel: 'sms', to: '06 39 98 00 01', text: 'Bonjour' }, { query: '?wait=sent' })
    expect([sms.status, sms.body.providerMessageId]).toEqual([200, expect.stringMatching(/^SM[0-9a-f]{32}$/)])
    const mail = { channel: 'email', to: 'Camille@Example.org', subject: 'Devis', text: 'Bonjour', html: '<p>Bonjour</p>' }
    const sent = await post(mail, { query: '?wait=sent' })
    expect([sent.status, sent.body.providerMessageId]).toEqual([200, expect.stringMatching(/@example\.com$/)])
    const { body } = await call(`/api/messages/${sent.body.messageId}`)
    expect(body).toMatchObject({
      success: true,
      channel: 'email',
      status: 'sent',
      providerMessageId: sent.body.providerMessageId,
      since: { requested: expect.any(String), sent: expect.any(String) },
      events: [
        { type: 'message.requested', contact: { value: 'camille@example.org' } },
        { type: 'message.attempted' },
        { type: 'message.sent' },
      ],
    })
  })

  it('takes all that a request can have, and keeps it', async () => {
    const given = {
      media: [{ url: 'https://files.example.com/devis.pdf', fileName: 'devis.pdf', caption: 'Devis' }],
      text: undefined,
      fallback: [
        { channel: 'sms', to: ALEX, text: 'Par SMS', afterMs: 60_000 },
        { channel: 'sms', to: ALEX },
      ],
      notBefore: '2999-01-06T12:00:00+01:00',
      expiresAt: '2999-01-06T12:00:00Z',
      onUncertain: 'resend',
    }
    const { status, body } = await post(whatsapp(given))
    expect([status, body.error]).toEqual([202, undefined])
    const report = (await call(`/api/messages/${body.messageId}`)).body as unknown as { events: { data: object }[] }
    expect(report.events[0]?.data).toMatchObject({
      content: { media: [{ kind: 'document', url: 'https://files.example.com/devis.pdf', fileName: 'devis.pdf' }] },
      notBefore: '2999-01-06T11:00:00.000Z',
      expiresAt: '2999-01-06T12:00:00.000Z',
      onUncertain: 'resend',
      fallback: [{ channel: 'sms', content: { text: 'Par SMS' }, afterMs: 60_000 }, { channel: 'sms' }],
    })
  })

  it('is one message for one key, in the body or in the header, quoted or not', async () => {
    const before = await requests()
    const answers = await Promise.all([
      post(whatsapp({ idempotencyKey: 'order-1' })),
      post(whatsapp(), { headers: { 'idempotency-key': 'order-1' } }),
      post(whatsapp(), { headers: { 'idempotency-key': '"order-1"' } }),
      post(whatsapp({ idempotencyKey: 'order-1' }), { headers: { 'idempotency-key': 'order-1' }, query: '?wait=sent' }),
    ])
    expect(new Set(answers.map(({ body }) => body.messageId)).size).toBe(1)
    expect(await requests()).toBe(before + 1)
    for (const other of [{ text: 'Autre chose' }, { to: '+33639980003' }]) {
      const conflict = await post(whatsapp({ idempotencyKey: 'order-1', ...other }))
      expect([conflict.status, conflict.body.error.code]).toEqual([409, 'request_conflict'])
    }
    expect(await requests()).toBe(before + 1)
    const differing = await post(whatsapp({ idempotencyKey: 'order-1' }), { headers: { 'idempotency-key': 'order-2' } })
    expect(differing).toMatchObject({
      status: 400,
      body: { error: { fields: { 'Idempotency-Key': 'expected the same key as in the body' } } },
    })
  })

  it('refuses a contact that has opted out with 409, and records nothing', async () => {
    await inboundSms(STOPPED, 'STOP')
    const before = await requests()
    const { status, body } = await post({ channel: 'sms', to: STOPPED, text: 'Promo' })
    expect([status, body.error]).toMatchObject([409, { code: 'opted_out', class: 'policy', message: expect.stringContaining('opted out') }])
    expect(await requests()).toBe(before)
  })

  it.each<[string, object, string]>([
    ['a channel that nobody serves', { channel: 'fax' }, 'configuration'],
    ['a mail over WhatsApp', { subject: 'Devis' }, 'content'],
    ['an SMS to a mailbox', { channel: 'sms', to: 'a@example.com' }, 'recipient'],
    ['an answer to an unknown message', { replyTo: 'nobody' }, 'content'],
    [
      'a file that this server would have to fetch',
      { channel: 'email', to: 'a@example.com', media: [{ url: 'http://127.0.0.1/secret' }] },
      'content',
    ],
  ])('refuses %s with 422', async (_, over, fault) => {
    expect(await post(whatsapp(over))).toMatchObject({
      status: 422,
      body: { success: false, error: { code: 'send_rejected', class: fault } },
    })
  })

  it('answers 422 when the message fails while it is waited for', async () => {
    const { status, body } = await post({ channel: 'sms', to: '+15005550009', text: 'x' }, { query: '?wait=sent' })
    expect([status, body]).toMatchObject([
      422,
      {
        success: false,
        status: 'failed',
        messageId: expect.stringMatching(/^msg_/),
        error: { code: 'send_rejected', class: 'recipient', providerCode: '21614' },
      },
    ])
    expect(logged).toMatch(/\[FAILED\] \{channel: sms, .*code: send_rejected, event: evt_/)
  })

  it('answers 202 when a message fails that has a fallback, which is then a message of its own', async () => {
    const given = { channel: 'sms', to: '+15005550009', text: 'Bonjour', fallback: [{ channel: 'whatsapp', to: ALEX }] }
    const { status, body } = await post(given, { query: '?wait=sent' })
    expect([status, body]).toMatchObject([202, { success: true, status: 'failed' }])
    const next = async () => (await call(`/api/messages/${body.messageId}.next`)).body
    await expect.poll(next).toMatchObject({ channel: 'whatsapp', providerMessageId: expect.any(String) })
  })

  it('answers 202 with how far it got when the time is over', async () => {
    const { status, body } = await post(whatsapp({ notBefore: '2999-01-01T00:00:00Z' }), { query: '?wait=delivered&timeout=1' })
    expect([status, body]).toMatchObject([202, { success: true, status: 'requested' }])
  })

  it('does not keep a closing server waiting', async () => {
    const other = await startOn('closing')
    const waiting = post(whatsapp({ notBefore: '2999-01-01T00:00:00Z' }), { query: '?wait=sent&timeout=50', to: other })
    await expect
      .poll(async () => ((await call('/api/health', {}, other)).body as unknown as { outbox: object }).outbox)
      .toMatchObject({ unsettled: 1 })
    const began = Date.now()
    await Promise.all([other.close(), expect(waiting).resolves.toMatchObject({ status: 202, body: { status: 'requested' } })])
    expect(Date.now() - began).toBeLessThan(2_000)
  })

  it('answers 503 with Retry-After while the folder cannot be written, and says no path', async () => {
    await rename(join(dir, 'events'), join(dir, 'away'))
    const { status, headers, body } = await post(whatsapp({ idempotencyKey: 'later' }))
    await rename(join(dir, 'away'), join(dir, 'events'))
    expect([status, headers.get('retry-after'), body.error.code]).toEqual([503, '5', 'store_unavailable'])
    expect(JSON.stringify(body)).not.toMatch(/pipe-comms|\.jsonl|at \w+/)
    expect((await post(whatsapp({ idempotencyKey: 'later' }))).status).toBe(202)
  })
})

describe('a request that is wrong', () => {
  it('is answered 400 with each field that is wrong', async () => {
    const before = await requests()
    const { status, body } = await post({
      channel: 'WhatsApp',
      to: 'nobody@',
      subject: 'Devis\r\nBcc: spy@example.org',
      media: [{ url: 'file:///etc/passwd', path: '/etc/passwd' }],
      idempotencyKey: 'x'.repeat(10_240),
      fallback: [{ channel: 'sms' }],
      notBefore: 'tomorrow',
      onUncertain: 'retry',
      bcc: 'spy@example.org',
    })
    expect([status, body.error.code]).toEqual([400, 'input_invalid'])
    expect(body.error.fields).toEqual({
      channel: 'expected whatsapp, sms or email',
      to: expect.stringContaining('Expected a phone number, e-mail address or chat id'),
      subject: 'expected one line without control characters',
      'media.0.url': 'expected an http or https URL',
      'media.0.path': 'unknown field',
      idempotencyKey: 'expected at most 255 characters',
      'fallback.0.to': 'expected a text',
      notBefore: 'expected an ISO 8601 time such as 2026-01-06T12:00:00Z',
      onUncertain: 'expected report or resend',
      bcc: 'unknown field',
    })
    for (const field of Object.keys(body.error.fields ?? {})) expect(body.error.message).toContain(`${field}: `)
    expect(await requests()).toBe(before)
  })

  it.each<[string, object | string, string]>([
    ['no JSON', '{"channel":', 'body'],
    ['an empty body', '', 'body'],
    ['a list', '[]', 'body'],
    ['null', 'null', 'body'],
    ['nothing to send', whatsapp({ text: undefined }), 'text'],
    ['an empty text', whatsapp({ text: '' }), 'text'],
    ['NUL in the text', whatsapp({ text: 'a\0b' }), 'text'],
    ['half of a surrogate pair', whatsapp({ text: 'a\ud800b' }), 'text'],
    ['line breaks in the address', whatsapp({ to: 'a@example.com\r\nBcc: b@example.org' }), 'to'],
    ['NUL in a chat id', whatsapp({ to: '\0@newsletter' }), 'to'],
    ['line breaks in the key', whatsapp({ idempotencyKey: 'a\nb' }), 'idempotencyKey'],
    ['an end before the beginning', whatsapp({ notBefore: '2999-01-02T00:00:00Z', expiresAt: '2999-01-01T00:00:00Z' }), 'expiresAt'],
    ['a list that pollutes', '{"channel":"sms","to":"+33639980001","text":"x","__proto__":{"idempotencyKey":"y"}}', '__proto__'],
    ['a year that is none', whatsapp({ notBefore: '0000-01-01T00:00:00+14:00' }), ''],
  ])('(%s) is answered 400', async (_, given, field) => {
    const { status, body } = await post(given)
    expect([status, body.success, Object.keys(body.error.fields ?? { '': '' })]).toEqual([400, false, [field]])
  })

  it.each(['?wait=read', '?wait=sent&timeout=0', '?wait=sent&timeout=3600', '?wait=sent&timeout=x', '?wiat=sent'])(
    '(%s) is answered 400',
    async (query) => {
      expect(await post(whatsapp(), { query })).toMatchObject({ status: 400, body: { error: { code: 'query_invalid' } } })
    },
  )

  it('is answered 400 when its bytes are no UTF-8', async () => {
    const body = Buffer.from(JSON.stringify(whatsapp({ text: 'Été' })), 'latin1')
    expect((await call('/api/messages', { method: 'POST', body })).status).toBe(400)
  })

  it('is refused quickly when it is deep or has many parts', async () => {
    const began = Date.now()
    expect((await post('['.repeat(1_000_000))).status).toBe(400)
    expect((await post(`{"channel":"sms","text":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`)).status).toBe(400)
    expect((await post(whatsapp({ media: new Array(200_000).fill({}) }))).status).toBe(400)
    const many = await post(Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`field${index}`, 1])))
    expect([many.status, JSON.stringify(many.body).length < 5_000]).toEqual([400, true])
    expect(Date.now() - began).toBeLessThan(5_000)
  })

  it('is answered 413 over the limit, whether it says its length or not', async () => {
    expect((await post('x'.repeat(1_048_577))).body.error.code).toBe('body_too_large')
    const sent = plainRequest(`${server.url}/api/messages`, { method: 'POST', headers: { authorization, 'transfer-encoding': 'chunked' } })
    sent.on('error', () => {})
    for (let chunk = 0; chunk < 17; chunk += 1) sent.write('x'.repeat(65_536))
    sent.end()
    const [response] = await once(sent, 'response')
    expect(response.statusCode).toBe(413)
    response.resume()
  })
})

describe('GET /api/messages/:id', () => {
  it.each(['msg_unknown', "x'%20OR%201=1;--", '%00', '%0d%0aSet-Cookie:x', '%ff', '__proto__', 'a'.repeat(8_000)])(
    'answers 404 for %.20s',
    async (id) => {
      expect(await call(`/api/messages/${id}`)).toMatchObject({ status: 404, body: { success: false, error: { code: 'not_found' } } })
    },
  )

  it('does the same with SQLite', async () => {
    const other = await startOn('sqlite', { MESSAGE_EVENT_PERSISTENCE: 'sqlite', SQLITE_FILE: join(dir, 'events.db') })
    for (const id of ["x'%20OR%201=1;--", '%00', '%ff']) expect((await call(`/api/messages/${id}`, {}, other)).status).toBe(404)
    const { body } = await post(whatsapp({ text: "'); DROP TABLE message_events;--" }), { to: other, query: '?wait=sent' })
    expect((await call(`/api/messages/${body.messageId}`, {}, other)).body).toMatchObject({ success: true, channel: 'whatsapp' })
    await other.close()
  })
})

it('neither route says anything to a stranger', async () => {
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url')
  const tokens = [
    undefined,
    'Bearer x',
    `Bearer ${part({ alg: 'none' })}.${part({ sub: 'x' })}.`,
    `Bearer ${await sign({ sub: 'x', exp: 1 }, JWT_SECRET, 'HS256')}`,
    `Bearer ${await sign({ sub: 'x', nbf: 32_503_680_000 }, JWT_SECRET, 'HS256')}`,
    `Bearer ${await sign({ sub: 'x' }, 'another-secret-of-at-least-32-characters', 'HS256')}`,
    `Bearer ${await sign({ sub: 'x' }, JWT_SECRET, 'HS512')}`,
    `Basic ${btoa(`jwt:${JWT_SECRET}`)}`,
  ]
  const { body } = await post(whatsapp())
  for (const token of tokens) {
    const headers = token === undefined ? {} : { authorization: token }
    for (const init of [
      { method: 'POST', body: JSON.stringify(whatsapp()) },
      { method: 'POST', body: 'x'.repeat(2_000_000) },
    ]) {
      const response = await fetch(`${server.url}/api/messages`, { ...init, headers })
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
      expect(await response.json()).toMatchObject({ success: false, error: { code: 'unauthorized' } })
    }
    expect((await fetch(`${server.url}/api/messages/${body.messageId}`, { headers })).status).toBe(401)
  }
  expect(logged).not.toContain(JWT_SECRET)
  expect(logged).not.toContain(authorization.slice(7))
})

/** A webhook with a genuine signature, through the simulated Twilio. */
async function inboundSms(from: string, body: string): Promise<void> {
  const url = server.sandboxLines.join('\n').match(/simulated Twilio at (\S+);/)?.[1]
  const response = await fetch(`${url}/simulator/incoming`, { method: 'POST', body: new URLSearchParams({ From: from, Body: body }) })
  expect(await response.json()).toMatchObject({ webhook: [200] })
}
