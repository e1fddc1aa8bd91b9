import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as timer } from 'node:timers/promises'
import { listSpoolLeftovers } from '@pipe-comms/store-json'
import pg from 'pg'
import { createLog } from '../../packages/store-supabase/src/testing/create-log.ts'
import { type PostgresServer, startPostgres } from '../../packages/store-supabase/src/testing/postgres-server.ts'
import { hangDatabase } from './hanging-database.ts'
import { startServer } from './server-process.ts'

export interface TwoServersReport {
  /** Webhooks, half of them to each server. */
  readonly webhooks: number
  /** Those that were answered with 200 in the end. */
  readonly acknowledged: number
  /** Posts that got no answer or another one, and came again. */
  readonly retried: number
  /** By SQL: different messages in the database. */
  readonly recorded: number
  /** Acknowledged, and not in the database. */
  readonly lost: number
  /** Messages that are in the database more than once. */
  readonly doubled: number
  /** Messages that are recorded behind a later one of their contact. */
  readonly inversions: number
  /** Servers ended with SIGKILL. */
  readonly kills: number
  /** Times the database was ended without a goodbye, or stopped with SIGSTOP. */
  readonly crashes: number
  readonly hangs: number
  /** Until the slowest answer of a server that was not killed meanwhile. */
  readonly slowestAnswerMs: number
  readonly seconds: number
}

export interface TwoServersOptions {
  /** Webhooks to each server. */
  readonly webhooks: number
  /** How long a contact waits before it writes again, in milliseconds. */
  readonly pauseMs: number
}

const TOKEN = 'two-servers-test-token'
const CONTACTS_EACH = 20
const PATIENCE_MS = 120_000

/**
 * Two servers share a database and a folder. Contacts write to them, each the next message when the last is acknowledged, while the
 * database crashes and hangs, and the servers are killed and started again, all at random. What was acknowledged is then counted in the
 * database by SQL.
 */
export async function twoServers({ webhooks, pauseMs }: TwoServersOptions): Promise<TwoServersReport> {
  const startedAt = performance.now()
  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-two-servers-'))
  const postgres = await startPostgres()
  const pool = new pg.Pool({ connectionString: `${postgres.url}/postgres` })
  // A connection that the database's end broke: the pool makes another.
  pool.on('error', () => undefined)
  await createLog(pool)
  const env = {
    MESSAGE_EVENT_PERSISTENCE: 'supabase',
    DATABASE_URL: `${postgres.url}/postgres`,
    GREEN_API_WEBHOOK_TOKEN: TOKEN,
    NODE_COMPILE_CACHE: join(dir, 'compile-cache'),
    LOG_LEVEL: 'silent',
  }
  const servers = [new RestartedServer(dir, env), new RestartedServer(dir, env)]
  let isPosting = true
  const counts = { crashes: 0, hangs: 0, kills: 0 }
  try {
    await Promise.all(servers.map((server) => server.start()))
    const contacts = servers.flatMap((server, index) =>
      Array.from({ length: CONTACTS_EACH }, (_, place) => new Contact(index * CONTACTS_EACH + place, server)),
    )
    const posting = Promise.all(contacts.map((contact) => contact.write(webhooks / CONTACTS_EACH, pauseMs))).finally(() => {
      isPosting = false
    })
    const disturbing = Promise.all([
      disturbDatabase(postgres, () => isPosting, counts),
      ...servers.map((server) => killAgainAndAgain(server, () => isPosting, counts)),
    ])
    await posting
    await disturbing
    await untilEmpty(join(dir, 'spool'))

    const { rows } = await pool.query<{ id: string }>(
      `select provider_message_id as id from message_events where event_type = 'message.received' order by event_position`,
    )
    const ids = rows.map(({ id }) => id)
    const inLog = new Set(ids)
    const acknowledged = contacts.flatMap((contact) => contact.acknowledged)
    return {
      webhooks: 2 * webhooks,
      acknowledged: acknowledged.length,
      retried: sum(contacts.map(({ retried }) => retried)),
      recorded: inLog.size,
      lost: acknowledged.filter((id) => !inLog.has(id)).length,
      doubled: ids.length - inLog.size,
      inversions: inversionsOf(ids),
      ...counts,
      slowestAnswerMs: Math.round(Math.max(...contacts.map(({ slowestMs }) => slowestMs))),
      seconds: Math.round((performance.now() - startedAt) / 1000),
    }
  } finally {
    isPosting = false
    for (const server of servers) server.process?.kill('SIGKILL')
    await pool.end()
    await postgres.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

/** A server that is killed and comes back, at another address. */
class RestartedServer {
  url: string | undefined
  process: ChildProcess | undefined
  readonly agent = new Agent({ keepAlive: true })
  readonly #dir: string
  readonly #env: Readonly<Record<string, string>>

  constructor(dir: string, env: Readonly<Record<string, string>>) {
    this.#dir = dir
    this.#env = env
  }

  async start(): Promise<void> {
    const { process, url } = await startServer(this.#dir, this.#env)
    this.process = process
    this.url = url
  }

  async kill(): Promise<void> {
    if (!this.process) return
    this.url = undefined
    const ended = once(this.process, 'exit')
    this.process.kill('SIGKILL')
    await ended
  }
}

/** Someone who writes one message after the other. */
class Contact {
  readonly acknowledged: string[] = []
  retried = 0
  slowestMs = 0
  readonly #number: number
  readonly #server: RestartedServer

  constructor(number: number, server: RestartedServer) {
    this.#number = number
    this.#server = server
  }

  async write(messages: number, pauseMs: number): Promise<void> {
    for (let turn = 0; turn < messages; turn += 1) {
      const id = `C${String(this.#number).padStart(2, '0')}T${String(turn).padStart(6, '0')}`
      const body = JSON.stringify(notification(this.#number, id))
      while (!(await this.#post(body))) {
        this.retried += 1
        await timer(50)
      }
      this.acknowledged.push(id)
      await timer(2 * pauseMs * Math.random())
    }
  }

  /** Whether the server answered 200. */
  #post(body: string): Promise<boolean> {
    const { url, agent } = this.#server
    if (!url) return Promise.resolve(false)
    const startedAt = performance.now()
    return new Promise((resolve) => {
      const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
      const sent = request(`${url}/webhooks/greenapi`, { method: 'POST', headers, agent }, (response) => {
        response.resume()
        response.on('end', () => {
          this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt)
          resolve(response.statusCode === 200)
        })
        response.on('error', () => resolve(false))
      })
      sent.on('error', () => resolve(false))
      sent.end(body)
    })
  }
}

/** Ends the database without a goodbye, or stops all its processes, for up to some seconds; the last act is always that it runs. */
async function disturbDatabase(postgres: PostgresServer, goesOn: () => boolean, counts: { crashes: number; hangs: number }): Promise<void> {
  for (let isCrash = Math.random() < 0.5; goesOn(); isCrash = !isCrash) {
    const awayMs = 300 + 5_000 * Math.random() ** 2
    if (isCrash) {
      counts.crashes += 1
      await postgres.crash()
      await timer(awayMs)
      await postgres.start()
    } else {
      counts.hangs += 1
      const goOn = await hangDatabase(postgres)
      await timer(awayMs)
      goOn()
    }
    await timer(300 + 1_500 * Math.random())
  }
}

async function killAgainAndAgain(server: RestartedServer, goesOn: () => boolean, counts: { kills: number }): Promise<void> {
  for (;;) {
    const until = performance.now() + 1_000 + 5_000 * Math.random()
    while (goesOn() && performance.now() < until) await timer(20)
    if (!goesOn()) return
    counts.kills += 1
    await server.kill()
    await timer(1_500 * Math.random())
    await server.start()
  }
}

async function untilEmpty(spool: string): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    const leftovers = await listSpoolLeftovers(spool)
    if (leftovers.length === 0) return
    if (performance.now() > until) throw new Error(`The spool is not drained: ${JSON.stringify(leftovers)}`)
    await timer(100)
  }
}

function inversionsOf(ids: readonly string[]): number {
  const last = new Map<string, string>()
  let inversions = 0
  for (const id of ids) {
    const contact = id.slice(0, 3)
    const before = last.get(contact) ?? ''
    if (id < before) inversions += 1
    else last.set(contact, id)
  }
  return inversions
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function notification(contact: number, idMessage: string) {
  const chatId = `336399800${String(contact).padStart(2, '0')}@c.us`
  return {
    typeWebhook: 'incomingMessageReceived',
    instanceData: { idInstance: 7105000001, wid: '33639980099@c.us', typeInstance: 'whatsapp' },
    timestamp: 1_767_697_200,
    idMessage,
    senderData: { chatId, sender: chatId, chatName: 'Camille', senderName: 'Camille' },
    messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: `message ${idMessage}` } },
  }
}
