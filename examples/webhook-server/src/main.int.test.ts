import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

let dir: string
let server: ChildProcess | undefined
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-main-'))
})
afterEach(async () => {
  server?.kill('SIGKILL')
  await rm(dir, { recursive: true })
})

it('a server that gets SIGTERM while it starts closes its log and leaves with success', async () => {
  const env = { PATH: process.env.PATH, PORT: '0', MESSAGE_EVENT_LOGS_DIR: join(dir, 'events'), ESPOCRM_URL: 'off' }
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  server = spawn(process.execPath, ['--conditions=@pipe-comms/source', main], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [server.stdout, server.stderr]) stream?.on('data', (chunk) => (output += chunk))
  const exited = once(server, 'exit')
  const opened = async () => (await readdir(join(dir, 'events')).catch(() => [])).some((name) => name.startsWith('writer.lock'))
  await expect.poll(opened, { timeout: 20_000, interval: 2 }).toBe(true)
  server.kill('SIGTERM')
  expect(await exited).toEqual([0, null])
  expect(output).toContain('Closed')
})

it('a server whose log nobody reads any more goes on answering', async () => {
  const env = { PATH: process.env.PATH, PORT: '0', MESSAGE_EVENT_LOGS_DIR: join(dir, 'events'), ESPOCRM_URL: 'off' }
  const main = fileURLToPath(new URL('main.ts', import.meta.url))
  server = spawn(process.execPath, ['--conditions=@pipe-comms/source', main], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  server.stdout?.on('data', (chunk) => (output += chunk))
  await expect.poll(() => output, { timeout: 20_000 }).toContain('Listens on')
  const url = /Listens on\s+(\S+)/.exec(output)?.[1]
  server.stdout?.destroy()
  server.stderr?.destroy()
  // Each of these writes a line to the log.
  for (let call = 0; call < 5; call += 1) expect((await fetch(`${url}/webhooks/nowhere`, { method: 'POST' })).status).toBe(404)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})
