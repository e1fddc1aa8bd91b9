import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { signTwilioRequest } from '@pipe-comms/simulators'
import { sign } from 'hono/jwt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from './config.ts'
import { createLogger } from './log.ts'
import { type Server, startServer } from './server.ts'
import { welcome } from './welcome.ts'

const JWT_SECRET = 'a-secret-for-tests-of-at-least-32-characters'
const PUBLIC_URL = 'https://comms.example.com'
const ACCOUNT_SID = 'AC0123456789abcdef0123456789abcdef'
const real = {
  PUBLIC_URL,
  TWILIO_ACCOUNT_SID: ACCOUNT_SID,
  TWILIO_AUTH_TOKEN: 'new-token-for-tests,old-token-for-tests',
  TWILIO_SMS_FROM: '+12025550100',
}

let dir: string
let logged: string
let server: Server | undefined

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-twilio-'))
  logged = ''
})
afterEach(async () => {
  await server?.close()
  server = undefined
  await rm(dir, { recursive: true })
})

async function start(env: Record<string, string>) {
  const config = loadConfig({ PORT: '0', MESSAGE_EVENT_LOGS_DIR: dir, JWT_SECRET, ...env })
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      logged += chunk
      done()
    },
  })
  server = await startServer(config, createLogger(config, sink))
  const events = async () => {
    const authorization = `Bearer ${await sign({ sub: 'test' }, JWT_SECRET, 'HS256')}`
    const response = await fetch(`${server?.url}/api/events`, { headers: { authorization } })
    return ((await response.json()) as { events: { type: string; channel: string; data: object }[] }).events
  }
  return { config, server, events }
}

const status = async ({ url }: Server) => (await fetch(`${url}/webhooks/twilio-sms/status-check`)).json()

describe('with an account', () => {
  it('takes webhooks signed with either token, and no others', async () => {
    const { server, events } = await start(real)
    const path = '/webhooks/twilio-sms/incoming'
    const post = (number: number, token: string) => {
      const form = {
        MessageSid: `SM${String(number).padStart(32, '0')}`,
        AccountSid: ACCOUNT_SID,
        From: '+33639980001',
        To: '+12025550100',
        Body: 'Bonjour',
        NumMedia: '0',
        SmsStatus: 'received',
      }
      const headers = { 'x-twilio-signature': signTwilioRequest(token, PUBLIC_URL + path, form) }
      return fetch(server.url + path, { method: 'POST', body: new URLSearchParams(form), headers })
    }
    expect((await post(1, 'new-token-for-tests')).status).toBe(200)
    expect((await post(2, 'old-token-for-tests')).status).toBe(200)
    const forged = await post(3, 'another-token')
    expect([forged.status, forged.headers.get('content-type')]).toEqual([403, 'application/json'])
    expect(await events()).toHaveLength(2)
    expect(logged).toMatch(
      /Webhook refused, nothing recorded.*X-Twilio-Signature does not match the public URL https:\/\/comms\.example\.com/,
    )
    expect(logged).not.toMatch(/(new|old|another)-token/)
  })

  it('says so, without a secret', async () => {
    const { config, server } = await start(real)
    expect(await status(server)).toEqual({ ok: true, service: 'twilio-sms-webhook', account: ACCOUNT_SID, simulated: false })
    const text = welcome(config, server)
    expect(text).toContain(`"A message comes in" is ${PUBLIC_URL}/webhooks/twilio-sms/incoming#rc=3&rp=5xx,ct,rt`)
    expect(text).not.toMatch(/token-for-tests/)
  })
})

describe('without an account', () => {
  it('is joined by a simulated Twilio, whose webhooks come in signed', async () => {
    const { config, server, events } = await start({})
    expect(await status(server)).toMatchObject({ ok: true, simulated: true })
    const url = welcome(config, server).match(/sandbox: a simulated Twilio at (\S+);/)?.[1]
    const incoming = await fetch(`${url}/simulator/incoming`, {
      method: 'POST',
      body: new URLSearchParams({ From: 'whatsapp:+33639980001', Body: 'Bonjour', ProfileName: 'Camille' }),
    })
    expect(await incoming.json()).toMatchObject({ webhook: [200] })
    expect(await events()).toMatchObject([
      { type: 'message.received', channel: 'whatsapp', data: { text: 'Bonjour', contactName: 'Camille' } },
    ])
  })
})

it('switched off is not there at all', async () => {
  const { config, server } = await start({ TWILIO_ACCOUNT_SID: 'off' })
  expect((await fetch(`${server.url}/webhooks/twilio-sms/incoming`, { method: 'POST' })).status).toBe(404)
  expect(await status(server)).toEqual({ ok: true, service: 'twilio-sms-webhook', account: null, simulated: false })
  expect(welcome(config, server)).toContain('Twilio       off')
})
