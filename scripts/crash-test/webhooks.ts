import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface WebhookCrashReport {
  readonly posts: number
  /** Notifications that were answered with 200 before the server was killed. */
  readonly acknowledged: number
  /** Of these, not in the day files after the kill. */
  readonly lost: number
  /** Keys that are in the day files more than once, after all. */
  readonly doubled: number
  /** Events in the day files after the kill and the restart. */
  readonly afterRestart: number
  /** Events in the day files after all notifications were posted once more. */
  readonly afterRepost: number
}

const SERVER = fileURLToPath(new URL('../../examples/webhook-server/src/main.ts', import.meta.url))
const TOKEN = 'crash-test-token'
/** Ten at a time, as a provider with several connections would. */
const AT_ONCE = 10

/**
 * Posts notifications to a real server, kills it with SIGKILL in the middle, and counts what is in the day files: after the restart,
 * and after every notification was posted again.
 */
export async function crashWebhooks({ posts }: { posts: number }): Promise<WebhookCrashReport> {
  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-crash-'))
  const notifications = Array.from({ length: posts }, (_, index) => notification(`CRASH${index}`))
  try {
    const killAfter = Math.floor(posts * (0.3 + 0.4 * Math.random()))
    const first = await startServer(dir)
    let answered = 0
    const acknowledged = await postAll(first.url, notifications, () => {
      answered += 1
      if (answered === killAfter) first.process.kill('SIGKILL')
    })
    if (first.process.exitCode === null && first.process.signalCode === null) await once(first.process, 'exit')
    const left = await countKeys(dir)
    const lost = acknowledged.filter((id) => !left.has(keyOf(id))).length

    const second = await startServer(dir)
    const afterRestart = total(await countKeys(dir))
    const again = await postAll(second.url, notifications, () => {})
    second.process.kill('SIGTERM')
    await once(second.process, 'exit')
    const all = await countKeys(dir)
    const doubled = [...all.values()].filter((count) => count > 1).length
    if (again.length !== posts) throw new Error(`Expected ${posts} answers of 200 after the restart, got ${again.length}`)
    return { posts, acknowledged: acknowledged.length, lost, doubled, afterRestart, afterRepost: total(all) }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function startServer(dir: string): Promise<{ process: ChildProcess; url: string }> {
  const env = {
    PATH: process.env.PATH,
    // A CRM that is not there: the log holds the notifications alone.
    ESPOCRM_URL: 'http://127.0.0.1:9',
    ESPOCRM_API_KEY: 'none',
    PORT: '0',
    LOG_LEVEL: 'error',
    MESSAGE_EVENT_LOGS_DIR: dir,
    GREEN_API_WEBHOOK_TOKEN: TOKEN,
  }
  const child = spawn(process.execPath, ['--conditions=@pipe-comms/source', SERVER], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8')
  for await (const chunk of child.stdout) {
    said += chunk
    const url = /Listens on\s+(http:\S+)/.exec(said)?.[1]
    if (url) {
      child.stdout.resume()
      return { process: child, url }
    }
  }
  throw new Error(`The server did not start: ${said}`)
}

/** Posts every notification, ten at a time, and gives the ids of those answered with 200. */
async function postAll(url: string, notifications: readonly Notification[], onAnswer: () => void): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  const acknowledged: string[] = []
  const waiting = notifications.values()
  const poster = async () => {
    for (const next of waiting) {
      const status = await post(`${url}/webhooks/greenapi`, JSON.stringify(next), agent)
      if (status === undefined) return
      if (status === 200) acknowledged.push(next.idMessage)
      onAnswer()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, poster))
  agent.destroy()
  return acknowledged
}

/** The status, or nothing when the server is gone. */
function post(url: string, body: string, agent: Agent): Promise<number | undefined> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const sent = request(url, { method: 'POST', headers, agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
      response.on('error', () => resolve(undefined))
    })
    sent.on('error', () => resolve(undefined))
    sent.end(body)
  })
}

async function countKeys(dir: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const name of (await readdir(dir)).filter((file) => file.endsWith('.jsonl'))) {
    for (const line of (await readFile(join(dir, name), 'utf8')).split('\n')) {
      const key = keyIn(line)
      if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
  return counts
}

/** The line a kill has cut in two is not a line yet. */
function keyIn(line: string): string | undefined {
  try {
    return (JSON.parse(line) as { idempotencyKey?: string }).idempotencyKey
  } catch {
    return undefined
  }
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

type Notification = ReturnType<typeof notification>

function notification(idMessage: string) {
  return {
    typeWebhook: 'incomingMessageReceived',
    instanceData: { idInstance: 7105000001, wid: '33639980010@c.us', typeInstance: 'whatsapp' },
    timestamp: 1_767_697_200,
    idMessage,
    senderData: { chatId: '33639980001@c.us', sender: '33639980001@c.us', chatName: 'Camille', senderName: 'Camille' },
    messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: `message ${idMessage}` } },
  }
}

function keyOf(idMessage: string): string {
  return `greenapi:7105000001:received:33639980001@c.us:${idMessage}`
}
