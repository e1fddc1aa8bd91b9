import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request as plainRequest } from 'node:http'
import { Agent, request as tlsRequest } from 'node:https'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { signTwilioRequest } from '@pipe-comms/simulators'
import { sign } from 'hono/jwt'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from './config.ts'
import { createLogger } from './log.ts'
import { type Server, startServer } from './server.ts'

const HOST = 'comms.example.com'
const ACCOUNT_SID = 'AC0123456789abcdef0123456789abcdef'
const AUTH_TOKEN = 'auth-token-for-tests'
const JWT_SECRET = 'a-secret-for-tests-of-at-least-32-characters'
const INCOMING = '/webhooks/twilio-sms/incoming'
const STATUS = '/webhooks/twilio-sms/status'
const BURST = 1_000
const AT_ONCE = 100

const PATH = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`
const missing = ['nginx', 'openssl'].filter((program) => !PATH.split(delimiter).some((folder) => existsSync(join(folder, program))))
// A machine of a contributor may lack nginx; CI may not.
const skipped = missing.length > 0 && process.env.CI !== 'true'

let dir: string
let server: Server
let nginx: ChildProcess
let ports: { readonly tls: number; readonly plain: number }
let agent: Agent
let logged = ''

beforeAll(async () => {
  if (skipped) return
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-nginx-'))
  const config = loadConfig({
    PORT: '0',
    ESPOCRM_URL: 'off',
    PUBLIC_URL: `https://${HOST}`,
    MESSAGE_EVENT_LOGS_DIR: join(dir, 'events'),
    JWT_SECRET,
    TWILIO_ACCOUNT_SID: ACCOUNT_SID,
    TWILIO_AUTH_TOKEN: AUTH_TOKEN,
    TWILIO_SMS_FROM: '+12025550100',
    TRUST_PROXY: '127.0.0.1',
    GREEN_API_ALLOWED_ADDRESSES: '192.0.2.7',
  })
  server = await startServer(config, createLogger(config, sink))
  ports = { tls: await freePort(), plain: await freePort() }
  nginx = await startNginx()
  agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE, ca: await readFile(join(dir, 'cert.pem')), servername: HOST })
}, 60_000)
afterAll(async () => {
  if (skipped) return
  agent?.destroy()
  if (nginx?.exitCode === null) {
    nginx.kill('SIGTERM')
    await once(nginx, 'exit')
  }
  await server?.close()
  await rm(dir, { recursive: true })
})
beforeEach(() => {
  logged = ''
})

const sink = new Writable({
  write: (chunk, _encoding, done) => {
    logged += chunk
    done()
  },
})

/** The deploy configuration of this repository, with nothing changed but what its first lines tell to change, and the ports. */
async function startNginx(): Promise<ChildProcess> {
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${HOST}`],
    ...['-addext', `subjectAltName=DNS:${HOST}`, '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')],
  ])
  const site = await readFile(fileURLToPath(new URL('../../../deploy/nginx.conf', import.meta.url)), 'utf8')
  const changes: [string, string][] = [
    ['listen 443 ssl;', `listen 127.0.0.1:${ports.tls} ssl;`],
    ['listen 80;', `listen 127.0.0.1:${ports.plain};`],
    [`/etc/letsencrypt/live/${HOST}/fullchain.pem`, join(dir, 'cert.pem')],
    [`/etc/letsencrypt/live/${HOST}/privkey.pem`, join(dir, 'key.pem')],
    ['server 127.0.0.1:3000;', `server ${new URL(server.url).host};`],
  ]
  const changed = changes.reduce((text, [from, to]) => {
    expect(text.split(from)).toHaveLength(2)
    return text.replace(from, to)
  }, site)
  await writeFile(join(dir, 'site.conf'), changed)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(dir, name)};`).join(' ')
  await writeFile(
    join(dir, 'nginx.conf'),
    `daemon off; master_process off; pid ${join(dir, 'nginx.pid')}; error_log ${join(dir, 'error.log')};
     events { worker_connections 1024; } http { access_log off; ${temporary} include ${join(dir, 'site.conf')}; }`,
  )
  const options = ['-p', dir, '-e', join(dir, 'error.log'), '-c', join(dir, 'nginx.conf')]
  execFileSync('nginx', ['-t', '-q', ...options], { env: { PATH }, stdio: ['ignore', 'inherit', 'inherit'] })
  const child = spawn('nginx', options, { env: { PATH }, stdio: 'inherit' })
  while (!(await accepts(ports.tls))) {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${await readFile(join(dir, 'error.log'), 'utf8')}`)
  }
  return child
}

interface Sent {
  readonly path?: string
  readonly form: Readonly<Record<string, string>>
  /** What Twilio signed. @default the URL that is called */
  readonly signedUrl?: string
  readonly signedForm?: Readonly<Record<string, string>>
  readonly headers?: Record<string, string>
  readonly plain?: boolean
  readonly method?: string
}

async function send({
  path = INCOMING,
  form,
  signedUrl = `https://${HOST}${path}`,
  signedForm = form,
  headers,
  plain,
  method = 'POST',
}: Sent) {
  const options = {
    host: '127.0.0.1',
    port: plain ? ports.plain : ports.tls,
    path,
    method,
    headers: {
      host: HOST,
      'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
      'x-twilio-signature': signTwilioRequest(AUTH_TOKEN, signedUrl, method === 'GET' ? {} : signedForm),
      ...headers,
    },
  }
  const sent = plain ? plainRequest(options) : tlsRequest({ ...options, agent })
  sent.end(method === 'GET' ? undefined : new URLSearchParams(form).toString())
  const [response] = await once(sent, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  return {
    status: response.statusCode as number,
    type: response.headers['content-type'] as string | undefined,
    location: response.headers.location,
    body,
  }
}

const sms = (number: number, over: Record<string, string> = {}) => {
  const MessageSid = `SM${number.toString(16).padStart(32, '0')}`
  return {
    MessageSid,
    AccountSid: ACCOUNT_SID,
    From: '+33639980001',
    To: '+12025550100',
    Body: 'Été à 100 % & plus ',
    NumMedia: '0',
    SmsStatus: 'received',
    FromCity: '',
    ...over,
  }
}

async function recorded(): Promise<string[]> {
  const authorization = `Bearer ${await sign({ sub: 'test', exp: Math.floor(Date.now() / 1000) + 600 }, JWT_SECRET, 'HS256')}`
  const sids: string[] = []
  for (let next: string | null = ''; next !== null; ) {
    const response = await fetch(`${server.url}/api/events?limit=1000${next ? `&after=${next}` : ''}`, { headers: { authorization } })
    const page = (await response.json()) as { events: { providerMessageId: string }[]; next: string | null }
    sids.push(...page.events.map(({ providerMessageId }) => providerMessageId))
    next = page.next
  }
  return sids
}

describe.skipIf(skipped)(
  `behind nginx with deploy/nginx.conf${skipped ? ` (skipped: ${missing.join(' and ')} not installed)` : ''}`,
  () => {
    it('a signed message passes and is answered with nothing to send', async () => {
      expect(await send({ form: sms(1) })).toMatchObject({
        status: 200,
        type: 'text/xml',
        body: '<?xml version="1.0" encoding="UTF-8"?><Response/>',
      })
      expect(logged).toContain('WEBHOOK TWILIO ENTRANT POST /webhooks/twilio-sms/incoming')
      expect(logged).toContain('[RECEIVED] {channel: sms, provider: twilio, leadId: inconnu, contact: +33639980001')
    })

    it('a signed status passes, its query in its own order and encoding, also by GET', async () => {
      const form = {
        MessageSid: sms(2).MessageSid,
        AccountSid: ACCOUNT_SID,
        MessageStatus: 'delivered',
        To: '+33639980001',
        From: '+12025550100',
      }
      const path = `${STATUS}?z=1&messageId=m%2D1&a=%2F~*'`
      expect(await send({ path, form })).toMatchObject({ status: 200 })
      const byGet = `${STATUS}?${new URLSearchParams({ ...form, MessageStatus: 'read' })}`
      expect(await send({ path: byGet, form: {}, method: 'GET' })).toMatchObject({ status: 200 })
      expect(logged).toMatch(/\[DELIVERED\].*\[READ\]/s)
    })

    it.each<[string, Sent, RegExp]>([
      ['a tampered message', { form: sms(3, { Body: 'other' }), signedForm: sms(3) }, /Likely cause: changed parameters/],
      [
        'a re-ordered query',
        { form: sms(3), path: `${INCOMING}?a=1&b=2`, signedUrl: `https://${HOST}${INCOMING}?b=2&a=1` },
        /incoming\?a=…&b=….*re-ordered its parameters/,
      ],
      [
        'another host',
        { form: sms(3), headers: { host: 'old.example.com' }, signedUrl: `https://old.example.com${INCOMING}` },
        /came as POST https:\/\/old\.example\.com\/.*the host: Twilio signed https:\/\/old\.example\.com, not https:\/\/comms\.example\.com/,
      ],
      [
        'http in place of https',
        { form: sms(3), plain: true, signedUrl: `http://${HOST}${INCOMING}` },
        /came as POST http:\/\/comms\.example\.com\/.*the scheme: Twilio signed http:\/\//,
      ],
      ['no signature', { form: sms(3), headers: { 'x-twilio-signature': '' } }, /expected the header X-Twilio-Signature, got none/],
      [
        'headers of a stranger, who names a host',
        { form: sms(3), signedForm: {}, headers: { 'x-forwarded-host': 'evil.example.com', 'x-forwarded-proto': 'gopher' } },
        /came as POST https:\/\/comms\.example\.com\//,
      ],
    ])('%s gets 403, and the log says why', async (_, sent, line) => {
      expect(await send(sent)).toMatchObject({ status: 403 })
      const refusal = logged.split('\n').find((text) => text.includes('Webhook refused, nothing recorded'))
      expect(refusal).toContain(`https://${HOST}${INCOMING}`.slice(0, sent.headers?.['x-twilio-signature'] === '' ? 0 : undefined))
      expect(refusal).toMatch(line)
      expect(logged).not.toContain(AUTH_TOKEN)
      expect(logged).not.toContain('100 %')
      expect(await recorded()).not.toContain(sms(3).MessageSid)
    })

    it('Green-API is taken from its own addresses alone, and X-Forwarded-For of a stranger is not believed', async () => {
      const headers = { 'x-forwarded-for': '192.0.2.7' }
      expect(await send({ path: '/webhooks/greenapi', form: {}, headers })).toMatchObject({ status: 403 })
      expect(logged).toContain('expected a webhook from one of allowedSourceAddresses, got 127.0.0.1')
    })

    it('other paths by http are sent to https', async () => {
      expect(await send({ form: {}, path: '/healthz', plain: true, method: 'GET' })).toMatchObject({
        status: 301,
        location: `https://${HOST}/healthz`,
      })
    })

    it('a body over the limit is refused', async () => {
      expect((await send({ form: sms(4, { Body: 'x'.repeat(1_048_577) }) })).status).toBe(413)
    })

    it(`of ${BURST} signed messages in a burst none that was answered 200 is lost, and what was turned away passes when it is repeated`, async () => {
      const before = new Set(await recorded())
      let waiting = Array.from({ length: BURST }, (_, index) => sms(10_000 + index))
      const answers: Record<number, number> = {}
      for (let round = 0; waiting.length > 0 && round < 30; round += 1) {
        const taken = new Set<string>()
        await Promise.all(
          waiting.map(async (form) => {
            const { status } = await send({ form })
            answers[status] = (answers[status] ?? 0) + 1
            if (status === 200) taken.add(form.MessageSid)
          }),
        )
        const now = (await recorded()).filter((sid) => !before.has(sid))
        expect(new Set(now).size).toBe(now.length)
        for (const sid of taken) expect(now).toContain(sid)
        waiting = waiting.filter(({ MessageSid }) => !taken.has(MessageSid))
        if (waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, 500))
      }
      expect(waiting).toEqual([])
      // limit_req was really in the way: both answers came, and no other.
      expect(Object.keys(answers).sort()).toEqual(['200', '503'])
      expect(answers[200]).toBe(BURST)
    }, 60_000)
  },
)

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise((resolve) => probe.close(resolve))
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => setTimeout(resolve, 20, false))
    socket.once('connect', () => socket.destroy())
  })
}
