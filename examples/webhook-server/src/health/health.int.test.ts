import { once } from 'node:events'
import { chmod, mkdtemp, rename, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { startGreenApiSimulator } from '@pipe-comms/simulators'
import { sign } from 'hono/jwt'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadConfig } from '../config.ts'
import { createLogger } from '../log.ts'
import { type Server, startServer } from '../server.ts'

const JWT_SECRET = 'a-secret-for-tests-of-at-least-32-characters'
const OFF = { GREEN_API_INSTANCE_ID: 'off', TWILIO_ACCOUNT_SID: 'off', SMTP_HOST: 'off', ESPOCRM_URL: 'off' }

let dir: string
let logged: string
const opened: { close(): Promise<unknown> }[] = []
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-health-'))
  logged = ''
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  await rm(dir, { recursive: true })
})

async function start(env: Record<string, string>): Promise<Server> {
  const config = loadConfig({ PORT: '0', MESSAGE_EVENT_LOGS_DIR: join(dir, 'events'), JWT_SECRET, ...OFF, ...env })
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      logged += chunk
      done()
    },
  })
  const server = await startServer(config, createLogger(config, sink))
  opened.push(server)
  return server
}

const ready = async (server: Server, headers: Record<string, string> = {}) => {
  const response = await fetch(`${server.url}/readyz`, { headers })
  return { status: response.status, body: (await response.json()) as { ok: boolean; reasons?: Record<string, string>[] } }
}
const readyText = async (server: Server) => JSON.stringify(await ready(server))

it('GET /readyz answers 200 while all is well, and 503 with the path while the folder is away; /healthz lives on', async () => {
  const server = await start({})
  expect(await ready(server)).toEqual({ status: 200, body: { ok: true } })
  await rename(join(dir, 'events'), join(dir, 'away'))
  await expect.poll(() => readyText(server), { timeout: 10_000 }).toMatch(/503.*"check":"disk".*events cannot be written.*ENOENT/)
  expect(logged).toMatch(/ERROR: Not ready: disk: .*events cannot be written/)
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
  await rename(join(dir, 'away'), join(dir, 'events'))
  await expect.poll(() => readyText(server), { timeout: 10_000 }).toContain('200')
  expect(logged).toContain('Ready again: disk')
})

it('GET /readyz names no path, host or account to a stranger behind a proxy', async () => {
  const server = await start({})
  await rename(join(dir, 'events'), join(dir, 'away'))
  const seenBy = async (address: string) => JSON.stringify(await ready(server, { 'x-forwarded-for': address }))
  await expect.poll(() => seenBy('198.51.100.7'), { timeout: 10_000 }).toContain('503')
  expect(await seenBy('198.51.100.7')).toBe('{"status":503,"body":{"ok":false,"reasons":[{"check":"disk"}]}}')
  expect(await seenBy('10.0.0.7')).toContain('ENOENT')
  await rename(join(dir, 'away'), join(dir, 'events'))
})

it('GET /readyz answers 503 while WhatsApp is not authorised, and while the Green-API token is wrong', async () => {
  const greenApi = await startGreenApiSimulator({ apiToken: 'api-token-for-tests', rateLimits: false })
  opened.push(greenApi)
  const env = {
    GREEN_API_INSTANCE_ID: greenApi.idInstance,
    GREEN_API_WEBHOOK_TOKEN: 'webhook-token-for-tests',
    GREEN_API_URL: greenApi.url,
    GREEN_API_TOKEN: 'api-token-for-tests',
  }
  greenApi.setState('notAuthorized')
  expect(await readyText(await start(env))).toMatch(/503.*"check":"greenapi".*logged out/)
  const wrong = { ...env, GREEN_API_TOKEN: 'another-token-for-tests', MESSAGE_EVENT_LOGS_DIR: join(dir, 'wrong') }
  expect(await readyText(await start(wrong))).toMatch(/503.*"check":"greenapi".*401/)
})

it('GET /readyz answers 503 while the database is away', async () => {
  const server = await start({ MESSAGE_EVENT_PERSISTENCE: 'supabase', DATABASE_URL: 'postgres://user:a-password@127.0.0.1:1/comms' })
  const text = await readyText(server)
  expect(text).toMatch(/503.*"check":"store".*ECONNREFUSED/)
  expect(text + logged).not.toContain('a-password')
})

it('a mail that cannot be sent is a warning with the cause and the variables to look at', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as { port: number }
  taken.close()
  const relay = {
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: String(port),
    SMTP_USER: 'sales@example.com',
    SMTP_PASSWORD: 'smtp-password-for-tests',
  }
  const server = await start(relay)
  const authorization = `Bearer ${await sign({ exp: Math.floor(Date.now() / 1000) + 600 }, JWT_SECRET, 'HS256')}`
  const body = JSON.stringify({ channel: 'email', to: 'camille@example.org', subject: 'Devis', text: 'Bonjour' })
  await fetch(`${server.url}/api/messages`, { method: 'POST', body, headers: { authorization, 'content-type': 'application/json' } })
  await expect
    .poll(() => logged, { timeout: 10_000 })
    .toMatch(/WARN: \[DEFERRED\] .*code: send_unavailable.*reason: .*ECONNREFUSED.*check: SMTP_HOST, SMTP_PORT/)
})

it.skipIf(process.getuid?.() === 0)('GET /readyz answers 503 while the folder may not be written', async () => {
  const server = await start({})
  await chmod(join(dir, 'events'), 0o500)
  await expect.poll(() => readyText(server), { timeout: 10_000 }).toMatch(/EACCES/)
  await chmod(join(dir, 'events'), 0o700)
})
