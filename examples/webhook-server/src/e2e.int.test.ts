import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startTwilioSimulator, type TwilioSimulator } from '@pipe-comms/simulators'
import { afterEach, beforeEach, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))
/** The machine's own programs, without Node: bash and curl are all that the scripts may need. */
const PATH = '/usr/bin:/bin'

let dir: string
let server: ChildProcess | undefined
let twilio: TwilioSimulator | undefined

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-e2e-'))
})
afterEach(async () => {
  await stop()
  await twilio?.close()
  twilio = undefined
  await rm(dir, { recursive: true })
})

/** The process that `npm start` runs. */
async function start(env: Record<string, string> = {}): Promise<string> {
  server = spawn(process.execPath, ['--conditions=@pipe-comms/source', MAIN], {
    env: { PATH: process.env.PATH, PORT: '0', MESSAGE_EVENT_LOGS_DIR: dir, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  server.stdout?.on('data', (chunk) => {
    said += chunk
  })
  while (!/Try it/.test(said)) await once(server.stdout as NodeJS.ReadableStream, 'data')
  return /Listens on\s+(\S+)/.exec(said)?.[1] as string
}

async function stop(): Promise<void> {
  if (server?.exitCode !== null) return
  server.kill('SIGTERM')
  await once(server, 'exit')
}

async function run(script: string, env: Record<string, string> = {}): Promise<{ code: number; lines: string[] }> {
  const options = { cwd: tmpdir(), env: { PATH, MESSAGE_EVENT_LOGS_DIR: dir, ...env } }
  return new Promise((resolve) => {
    const child = execFile(join(ROOT, script), options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, lines: `${stdout}${stderr}`.trim().split('\n') }),
    )
  })
}

/** What each line begins with, the details left out. */
const criteria = (lines: readonly string[]) => lines.slice(1).map((line) => line.split(':')[0])

async function startWithTwilio(reachable: boolean): Promise<string> {
  const publicUrl = 'https://comms.example.com'
  let target = 'http://127.0.0.1:1'
  twilio = await startTwilioSimulator({ resolve: (url) => url.replace(publicUrl, target) })
  const { url, account } = twilio
  const here = await start({
    PUBLIC_URL: publicUrl,
    TWILIO_ACCOUNT_SID: account.sid,
    TWILIO_AUTH_TOKEN: account.authToken,
    TWILIO_SMS_FROM: '+12025550100',
    TWILIO_API_URL: url,
  })
  if (reachable) target = here
  return here
}

it('the three scripts pass against the server as it starts without configuration', async () => {
  await start()
  expect((await stat(join(dir, 'sandbox.env'))).mode & 0o777).toBe(0o600)
  const [whatsapp, sms, mail] = await Promise.all(
    ['TEST_E2E_GREENAPI_WHATSAPP.sh', 'TEST_E2E_TWILIO_SMS.sh', 'TEST_E2E_SMTP_EMAIL.sh'].map((script) => run(script)),
  )
  const met = (names: readonly string[]) => [...names.map((name) => `ok      ${name}`), `${names.length} of ${names.length} criteria met`]
  const followed = ['event in the log', 'event persisted']
  const sent = ['route answers 200', "message sent with the provider's id"]
  for (const result of [whatsapp, sms]) {
    expect(criteria(result?.lines as string[])).toEqual(met([...sent, 'status webhook handled', ...followed]))
    expect(result?.code).toBe(0)
  }
  expect(criteria(mail?.lines as string[])).toEqual(met([...sent, 'From', 'received', ...followed]))
  expect(mail?.code).toBe(0)

  await stop()
  expect(await readdir(dir)).not.toContain('sandbox.env')
  expect(await run('TEST_E2E_TWILIO_SMS.sh')).toMatchObject({ code: 2, lines: [expect.stringContaining('is npm start running?')] })
})

it('a configured secret makes the token, and another one does not; events are read back where there are no day files', async () => {
  const JWT_SECRET = 'a-secret-for-tests-of-at-least-32-characters'
  await start({ JWT_SECRET, MESSAGE_EVENT_PERSISTENCE: 'sqlite', SQLITE_FILE: join(dir, 'events.db') })
  const withNode = { PATH: `${PATH}:${process.env.PATH}` }
  const { code, lines } = await run('TEST_E2E_TWILIO_SMS.sh', { ...withNode, JWT_SECRET })
  expect(lines.join('\n')).toMatch(/^ok {6}event persisted: \d events, GET \/api\/events$/m)
  expect(code).toBe(0)
  const stranger = await run('TEST_E2E_TWILIO_SMS.sh', { ...withNode, JWT_SECRET: 'another-secret-of-at-least-32-characters' })
  expect(stranger.code).toBe(1)
  expect(stranger.lines.join('\n')).toMatch(/^not ok {2}message sent with the provider's id: POST \/api\/messages: 401 .*unauthorized/m)
  expect(stranger.lines.join('\n')).not.toContain('another-secret')
  const malformed = await run('TEST_E2E_TWILIO_SMS.sh', { ...withNode, JWT_SECRET, TO: '","text":"$(id)' })
  expect(malformed.lines.join('\n')).toMatch(/^not ok {2}message sent .*400 .*"to":"Expected a phone number/m)
})

it('a message that Twilio refuses is not ok, and says why; without a recipient none goes out through a real account', async () => {
  const url = await startWithTwilio(true)
  // The server looks at its Twilio account when it starts; the failure is meant for the message.
  await fetch(`${url}/readyz`)
  twilio?.failNext({ status: 400, code: 21211, message: 'Invalid To' })
  const { code, lines } = await run('TEST_E2E_TWILIO_SMS.sh', { WAIT_SECONDS: '5', TO: '+33639980001' })
  expect(code).toBe(1)
  expect(lines.slice(1)).toEqual([
    'ok      route answers 200: GET /webhooks/twilio-sms/status-check',
    expect.stringMatching(/^not ok {2}message sent with the provider's id: POST \/api\/messages: 422 .*21211/),
    expect.stringMatching(/^not ok {2}status webhook handled: /),
    expect.stringMatching(/^not ok {2}event in the log: /),
    expect.stringMatching(/^ok {6}event persisted: /),
    '2 of 5 criteria met',
  ])

  const nobody = await run('TEST_E2E_TWILIO_SMS.sh')
  expect([nobody.code, nobody.lines.at(-1)]).toEqual([2, expect.stringContaining('TO: expected the recipient')])
  expect(twilio?.account.messages).toEqual([])
})

it('a status webhook that cannot come in is not ok, and everything else is', async () => {
  await startWithTwilio(false)
  const { code, lines } = await run('TEST_E2E_TWILIO_SMS.sh', { WAIT_SECONDS: '1', TO: '+33639980001' })
  expect(code).toBe(1)
  expect(lines.filter((line) => line.startsWith('not ok'))).toEqual([
    expect.stringMatching(/^not ok {2}status webhook handled: none came within 1 s/),
  ])
  expect(lines.at(-1)).toBe('4 of 5 criteria met')
})
