import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadConfig } from './config.ts'
import { createLogger } from './log.ts'
import { startServer } from './server.ts'
import { welcome } from './welcome.ts'

const TOKEN = 'webhook-token-for-tests'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-server-'))
})
afterEach(() => rm(dir, { recursive: true }))

it.each([
  ['PostgreSQL', { DATABASE_URL: 'postgres://comms:a-password@127.0.0.1:1/comms' }],
  ['Supabase', { SUPABASE_URL: 'http://127.0.0.1:1', SUPABASE_SERVICE_ROLE_KEY: 'sb_secret_invented' }],
])('a database that is away (%s) keeps no server from starting: webhooks are kept in the spool, and no secret is shown', async (_, env) => {
  const config = loadConfig({
    PORT: '0',
    MESSAGE_EVENT_PERSISTENCE: 'supabase',
    MESSAGE_EVENT_LOGS_DIR: dir,
    GREEN_API_WEBHOOK_TOKEN: TOKEN,
    ...env,
  })
  let logged = ''
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logged += chunk
      done()
    },
  })
  const server = await startServer(config, createLogger(config, sink))
  const response = await fetch(`${server.url}/webhooks/greenapi`, {
    method: 'POST',
    body: '{broken',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
  })
  const said = await welcome(config, server)
  await server.close()
  expect(response.status).toBe(200)
  expect(logged).toContain('The store is away: the webhook waits in the spool')
  expect(logged).toMatch(/Database: cannot be reached \(.*\)\. Check that the database runs/)
  expect(said).toContain('127.0.0.1:1 (')
  expect(logged + said).not.toMatch(/a-password|sb_secret_invented/)
})
