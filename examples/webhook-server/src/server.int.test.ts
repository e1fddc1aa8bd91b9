import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { sign } from 'hono/jwt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from './config.ts'
import { createLogger } from './log.ts'
import { type Server, startServer } from './server.ts'
import { welcome } from './welcome.ts'

const TOKEN = 'webhook-token-for-tests'
const JWT_SECRET = 'a-secret-for-tests-of-at-least-32-characters'

let dir: string
let server: Server
let logged: string

const logTo = (config: { logLevel: string; production: boolean }) =>
  createLogger(
    config,
    new Writable({
      write: (chunk, _encoding, done) => {
        logged += chunk
        done()
      },
    }),
  )
/** Without a CRM the log holds nothing but what the tests send. */
const NO_CRM = { ESPOCRM_URL: 'off' }
const configWith = (env: Record<string, string> = {}) =>
  loadConfig({ PORT: '0', MESSAGE_EVENT_LOGS_DIR: join(dir, 'events'), GREEN_API_WEBHOOK_TOKEN: TOKEN, JWT_SECRET, ...NO_CRM, ...env })

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-server-'))
  logged = ''
  const config = configWith()
  server = await startServer(config, logTo(config))
})
afterEach(async () => {
  await server.close()
  await rm(dir, { recursive: true })
})

function notification(idMessage: string, over: object = {}): object {
  return {
    typeWebhook: 'incomingMessageReceived',
    instanceData: { idInstance: 7105000001, wid: '33639980010@c.us', typeInstance: 'whatsapp' },
    timestamp: 1_767_697_200,
    idMessage,
    senderData: { chatId: '33639980001@c.us', sender: '33639980001@c.us', senderName: 'Camille' },
    messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: 'Bonjour' } },
    ...over,
  }
}

const post = (body: string | object, authorization = `Bearer ${TOKEN}`) =>
  fetch(`${server.url}/webhooks/greenapi`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { authorization, 'content-type': 'application/json' },
  })
const api = async (path: string, authorization?: string) =>
  fetch(`${server.url}${path}`, {
    headers: {
      authorization:
        authorization ?? `Bearer ${await sign({ sub: 'test', exp: Math.floor(Date.now() / 1000) + 600 }, JWT_SECRET, 'HS256')}`,
    },
  })

interface Page {
  events: {
    type: string
    position: string
    contact?: { value: string }
    idempotencyKey: string
    providerMessageId?: string
    data: Record<string, unknown>
  }[]
  next: string | null
}
const events = async (query = '') => (await (await api(`/api/events${query}`)).json()) as Page

const dayFileLines = async () => {
  const files = (await readdir(join(dir, 'events'))).filter((name) => name.endsWith('.jsonl'))
  const texts = await Promise.all(files.map((name) => readFile(join(dir, 'events', name), 'utf8')))
  return texts.join('').split('\n').filter(Boolean)
}

describe('the lead of a message', () => {
  beforeEach(async () => {
    await server.close()
    const config = configWith({ ESPOCRM_URL: '' })
    server = await startServer(config, logTo(config))
  })

  it('is looked up in the CRM and said in the log, in time or a moment later', async () => {
    await post(notification('A1'))
    await expect.poll(() => logged, { timeout: 5000 }).toMatch(/Lead trouvé: Camille Moreau \(ID: [0-9a-f]{17}\)/)
    const id = /Lead trouvé: Camille Moreau \(ID: (\w+)\)/.exec(logged)?.[1]
    await post(notification('A2'))
    expect(logged).toContain(`[RECEIVED] {channel: whatsapp, provider: greenapi, leadId: ${id}, contact: +33639980001`)
    const health = await (await api('/api/health')).json()
    expect(health).toMatchObject({ leads: { available: true } })
  })

  it('is found when it is entered in the CRM after the message', async () => {
    const chat = { chatId: '33639980050@c.us', sender: '33639980050@c.us' }
    await post(notification('A1', { senderData: chat }))
    const { line } = server.hints.find(({ title }) => title.startsWith('The simulated CRM')) as { line: string }
    const { id } = JSON.parse((await promisify(execFile)('sh', ['-c', line])).stdout) as { id: string }
    await expect.poll(() => logged, { timeout: 10_000 }).toContain(`Lead trouvé: Sacha Durand (ID: ${id})`)
    expect((await events()).events.map(({ type }) => type)).toEqual(['message.received', 'lead.correlated'])
  })

  it('is told by webhooks of the CRM, and by nobody else', async () => {
    const forged = await fetch(`${server.url}/webhooks/espocrm/Lead.create`, { method: 'POST', body: '[{"id":"1"}]' })
    expect(forged.status).toBe(401)
    expect((await fetch(`${server.url}/webhooks/espocrm/Nobody.create`, { method: 'POST', body: '[]' })).status).toBe(404)
  })
})

describe('a Green-API notification', () => {
  it('is one line in the day file, one event on /api/events, and in the log as operators look for it', async () => {
    expect((await post(notification('A1'))).status).toBe(200)
    expect(await dayFileLines()).toHaveLength(1)
    const { events: found, next } = await events()
    expect(next).toBeNull()
    expect(found).toMatchObject([{ type: 'message.received', contact: { value: '+33639980001' }, data: { text: 'Bonjour' } }])
    expect(logged).toContain('WEBHOOK GREEN-API ENTRANT')
    expect(logged).toMatch(/\[RECEIVED\] \{channel: whatsapp, provider: greenapi, leadId: inconnu/)
    expect(logged).toMatch(/MESSAGE EVENT message\.received: Event evt_[0-9a-f-]{36} ajouté au cache \(1\/100\)/)
    expect(logged).not.toContain(TOKEN)
  })

  it('posted a thousand times, ten at a time, is one event', async () => {
    const poster = async () => {
      for (let turn = 0; turn < 100; turn += 1) {
        const response = await post(notification('SAME'))
        expect(response.status).toBe(200)
        await response.arrayBuffer()
      }
    }
    await Promise.all(Array.from({ length: 10 }, poster))
    expect(await dayFileLines()).toHaveLength(1)
  })

  it.each(['', 'Bearer wrong', `Basic ${btoa(TOKEN)}`])('with authorization %j is refused and not recorded', async (authorization) => {
    const response = await post('{broken', authorization)
    expect(response.status).toBe(401)
    expect((await events()).events).toEqual([])
    expect(logged).toContain('Webhook refused, nothing recorded')
  })

  it('that is not understood is answered 200, kept raw, and blocks nothing', async () => {
    const unknown = notification('A2', { typeWebhook: 'somethingNew' })
    for (const body of ['{broken', unknown, notification('A3')]) expect((await post(body)).status).toBe(200)
    expect((await events()).events).toMatchObject([
      { type: 'webhook.quarantined', data: { body: '{broken', reason: 'Green-API: the body is not JSON' } },
      { type: 'webhook.quarantined', data: { body: JSON.stringify(unknown) } },
      { type: 'message.received' },
    ])
  })

  it('over the body limit is answered 413', async () => {
    expect((await post('x'.repeat(1_048_577))).status).toBe(413)
    expect((await events()).events).toEqual([])
  })

  it('is answered 503 while the folder cannot be written, and the log says which path', async () => {
    await post(notification('A1'))
    await rename(join(dir, 'events'), join(dir, 'away'))
    const response = await post(notification('A2'))
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    expect(logged).toMatch(/Webhook not recorded.*message_events_.*\.jsonl/)
    expect(await response.text()).not.toContain(dir)
    await rename(join(dir, 'away'), join(dir, 'events'))
    expect((await post(notification('A2'))).status).toBe(200)
    expect((await events()).events).toHaveLength(2)
  })
})

describe('GET /api/events', () => {
  it('pages through the log', async () => {
    for (let index = 0; index < 5; index += 1) await post(notification(`P${index}`))
    const first = await events('?limit=2')
    const second = await events(`?limit=2&after=${first.next}`)
    const third = await events(`?limit=2&after=${second.next}`)
    expect([first, second, third].map((page) => page.events.length)).toEqual([2, 2, 1])
    expect(third.next).toBeNull()
    expect((await events(`?after=${third.events[0]?.position}`)).events).toEqual([])
  })

  it.each([
    ['?limit=0', 'limit: '],
    ['?limit=1001', 'limit: expected a whole number from 1 to 1000'],
    ['?limit=-1', 'limit: expected a whole number from 1 to 1000'],
    ['?limit=x', 'limit: expected a whole number from 1 to 1000'],
    ['?after=nowhere', 'Expected a position of this JSON log'],
  ])('answers %s with 400 and what was expected', async (query, message) => {
    const response = await api(`/api/events${query}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ success: false, error: { message: expect.stringContaining(message) } })
  })

  it('refuses anything but a JWT of this server', async () => {
    const foreign = await sign({ sub: 'x' }, 'another-secret-of-at-least-32-characters', 'HS256')
    const expired = await sign({ sub: 'x', exp: 1 }, JWT_SECRET, 'HS256')
    const otherHash = await sign({ sub: 'x' }, JWT_SECRET, 'HS512')
    const exp = Math.floor(Date.now() / 1000) + 600
    const endless = await sign({ sub: 'x' }, JWT_SECRET, 'HS256')
    const tooLong = await sign({ sub: 'x', exp: 253_402_300_799 }, JWT_SECRET, 'HS256')
    const bare = await sign('x' as never, JWT_SECRET, 'HS256')
    const notYet = await sign({ sub: 'x', exp, nbf: exp }, JWT_SECRET, 'HS256')
    const unsigned = `${btoa('{"alg":"none","typ":"JWT"}').replaceAll('=', '')}.${btoa('{"sub":"x"}').replaceAll('=', '')}.`
    for (const token of ['', 'x', foreign, expired, otherHash, unsigned, endless, tooLong, bare, notYet]) {
      const response = await api('/api/events', `Bearer ${token}`)
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ success: false, error: { code: 'unauthorized' } })
    }
    expect(logged.match(/API request refused/g)).toHaveLength(10)
    expect(logged).not.toContain(endless)
  })

  it('ends a page early when its events are large, so that any page fits into memory', async () => {
    const text = 'x'.repeat(900_000)
    for (let index = 0; index < 8; index += 1)
      await post(notification(`L${index}`, { messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: text } } }))
    const first = await events('?limit=1000')
    expect(first.events.length).toBeLessThan(8)
    expect(JSON.stringify(first).length).toBeLessThan(4_300_000)
    const seen = [...first.events]
    for (let { next } = first; next !== null; ) {
      const page = await events(`?limit=1000&after=${next}`)
      seen.push(...page.events)
      next = page.next
    }
    expect(seen.map(({ providerMessageId }) => providerMessageId)).toEqual(['L0', 'L1', 'L2', 'L3', 'L4', 'L5', 'L6', 'L7'])
  })

  it('is kept in no cache and taken for nothing but JSON', async () => {
    for (const path of ['/api/events', '/api/messages/msg_0', '/api/nothing']) {
      const { headers } = await api(path)
      expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual(['no-store', 'nosniff'])
    }
  })
})

describe('a mail that is posted', () => {
  it('is a message in the log, with the token; without the variable there is no such webhook', async () => {
    const mail = 'From: Camille <camille@example.org>\r\nMessage-ID: <reply-1@example.org>\r\nSubject: Devis\r\n\r\nOui\r\n'
    const token = 'inbound-token-for-tests'
    const postMail = (authorization: string, to = server) =>
      fetch(`${to.url}/webhooks/smtp/inbound`, { method: 'POST', body: mail, headers: { authorization, 'content-type': 'message/rfc822' } })
    expect((await postMail(`Bearer ${token}`)).status).toBe(404)
    const other = await startServer(
      configWith({ SMTP_INBOUND_TOKEN: token, MESSAGE_EVENT_LOGS_DIR: join(dir, 'mail') }),
      logTo(configWith()),
    )
    expect([(await postMail('Bearer wrong', other)).status, (await postMail(`Bearer ${token}`, other)).status]).toEqual([401, 200])
    await other.close()
    expect(logged).toContain('[RECEIVED] {channel: email, provider: smtp, leadId: inconnu, contact: camille@example.org')
  })
})

describe('the other routes', () => {
  it('answer as the runbook says', async () => {
    // Nothing else: whoever asks may be a stranger.
    for (const [path, service] of [
      ['greenapi/status', 'greenapi-webhook'],
      ['twilio-sms/status-check', 'twilio-sms-webhook'],
    ])
      expect(await (await fetch(`${server.url}/webhooks/${path}`)).json()).toEqual({ ok: true, service, simulated: true })
    await post(notification('A1'))
    expect(await (await fetch(`${server.url}/healthz`)).json()).toEqual({ ok: true, uptimeSeconds: expect.any(Number) })
    expect(await (await api('/api/health')).json()).toMatchObject({ ok: true, webhooks: { recorded: 1 }, cache: { pending: 0 } })
    expect((await fetch(`${server.url}/nowhere`)).status).toBe(404)
    const wrongMethod = await fetch(`${server.url}/webhooks/greenapi`)
    expect([wrongMethod.status, wrongMethod.headers.get('allow')]).toEqual([405, 'POST'])
  })
})

describe('starting', () => {
  it('refuses a port that is taken and a folder that is in use, in plain words', async () => {
    const { port } = new URL(server.url)
    await expect(startServer(configWith({ PORT: port, MESSAGE_EVENT_LOGS_DIR: join(dir, 'other') }))).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is taken`,
    )
    await expect(startServer(configWith())).rejects.toThrow('is written by process')
  })

  it('prints lines for the shell that record an event, read the log, answer it, and let simulated people write', async () => {
    const run = promisify(execFile)
    const sandbox = loadConfig({ PORT: '0', MESSAGE_EVENT_LOGS_DIR: join(dir, 'sandbox'), LOG_LEVEL: 'silent' })
    const other = await startServer(sandbox)
    try {
      const lines = welcome(sandbox, other)
        .split('\n')
        .filter((line) => line.startsWith('curl '))
      expect(lines).toHaveLength(6)
      const [writes, read, answers, simulatedLead, simulatedSms] = lines.map((line) => async () => (await run('sh', ['-c', line])).stdout)
      expect(await writes?.()).toContain('HTTP/1.1 200')
      expect(JSON.parse((await read?.()) as string)).toMatchObject({ events: [{ contact: { value: '+33639980001' } }] })
      const sent = JSON.parse((await answers?.()) as string)
      expect(sent).toMatchObject({ success: true, status: 'delivered', providerMessageId: expect.any(String) })

      const { idMessage } = JSON.parse((await simulatedLead?.()) as string)
      const told = async () =>
        (JSON.parse((await read?.()) as string) as Page).events.map(({ type, providerMessageId }) => `${type} ${providerMessageId}`)
      await expect
        .poll(told, { timeout: 10_000 })
        .toEqual(expect.arrayContaining([`message.received ${idMessage}`, `message.read ${sent.providerMessageId}`]))
      expect(JSON.parse((await simulatedSms?.()) as string)).toMatchObject({ webhook: [200] })
    } finally {
      await other.close()
    }
  })

  it.each([
    ['a real instance', { GREEN_API_INSTANCE_ID: '7105000002', GREEN_API_TOKEN: 'api-token-for-tests' }],
    ['the sandbox', {}],
  ])('never prints a configured secret (%s)', async (_, env: Record<string, string>) => {
    const text = welcome(configWith(env), server)
    for (const secret of [TOKEN, JWT_SECRET, 'api-token-for-tests']) expect(text).not.toContain(secret)
    if (Object.keys(env).length === 0) expect(text).toContain('$GREEN_API_WEBHOOK_TOKEN')
  })

  it('offers no invented message beside a real account', () => {
    const text = welcome(configWith({ GREEN_API_INSTANCE_ID: '7105000002', GREEN_API_TOKEN: 'api-token-for-tests' }), {
      url: server.url,
      sandboxLines: [],
      hints: [],
    })
    expect(text).not.toContain('curl')
    expect(text).toContain('webhookUrl is')
  })
})

describe('with MESSAGE_EVENT_PERSISTENCE=sqlite', () => {
  it('keeps the log in one file, across a restart', async () => {
    const env = { MESSAGE_EVENT_PERSISTENCE: 'sqlite', SQLITE_FILE: join(dir, 'events.db'), MESSAGE_EVENT_LOGS_DIR: join(dir, 'sqlite') }
    for (const idMessage of ['S1', 'S1', 'S2']) {
      await server.close()
      const config = configWith(env)
      server = await startServer(config, logTo(config))
      expect((await post(notification(idMessage))).status).toBe(200)
    }
    expect((await events()).events.map(({ idempotencyKey }) => idempotencyKey.split(':').at(-1))).toEqual(['S1', 'S2'])
  })
})

describe('the process', () => {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const start = (env: Record<string, string>) =>
    spawn(process.execPath, ['--conditions=@pipe-comms/source', main], {
      env: { PATH: process.env.PATH, PORT: '0', MESSAGE_EVENT_LOGS_DIR: join(dir, 'process'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })

  it('answers what is under way and closes the log on SIGTERM', async () => {
    const child = start({ GREEN_API_WEBHOOK_TOKEN: TOKEN })
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
    })
    while (!/curl/.test(said)) await once(child.stdout, 'data')
    const url = /Listens on\s+(\S+)/.exec(said)?.[1] as string
    const answers = Array.from({ length: 50 }, (_, index) =>
      fetch(`${url}/webhooks/greenapi`, {
        method: 'POST',
        body: JSON.stringify(notification(`T${index}`)),
        headers: { authorization: `Bearer ${TOKEN}`, connection: 'close' },
      }).then(
        ({ status }) => (status === 200 ? `T${index}` : undefined),
        () => undefined,
      ),
    )
    await answers[0]
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    expect(code).toBe(0)
    const acknowledged = (await Promise.all(answers)).filter((id) => id !== undefined)
    const [file] = (await readdir(join(dir, 'process'))).filter((name) => name.endsWith('.jsonl'))
    const lines = (await readFile(join(dir, 'process', file as string), 'utf8')).trimEnd().split('\n')
    const recorded = lines.map((line) => JSON.parse(line).providerMessageId)
    // One may be recorded whose answer did not get out any more; none is acknowledged and not recorded.
    expect(recorded).toEqual(expect.arrayContaining(acknowledged))
    expect(said).toContain('Closed')
  })

  it('does not start on a wrong configuration, and says every problem', async () => {
    const child = start({ NODE_ENV: 'production', PORT: 'x' })
    let said = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
    })
    const [code] = await once(child, 'close')
    expect(code).toBe(1)
    expect(said).toMatch(/The server did not start\. The configuration has \d+ problems:\n {2}- PORT: /)
  })
})
