import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { createLog } from '../../packages/store-supabase/src/testing/create-log.ts'
import { type PostgresServer, startPostgres } from '../../packages/store-supabase/src/testing/postgres-server.ts'
import { isOnServer, openStore, SUBJECTS, type Subject } from './subjects.ts'

export interface StoreCrashReport {
  readonly subject: Subject
  readonly rounds: number
  readonly acknowledged: number
  /** Events in the logs; more than acknowledged, for what was written but not yet acknowledged may be there. */
  readonly found: number
  /** Acknowledged and not found. */
  readonly lost: number
  /** Keys found more than once, and requests found in part. */
  readonly doubled: number
  /** Logs that could not be opened and read to the end, or with gaps in a stream's versions. */
  readonly unreadable: number
}

const WRITER = fileURLToPath(new URL('./store-writer.ts', import.meta.url))
/** A log is used for this many rounds, so that crashes fall on logs that already survived some. */
const ROUNDS_A_LOG = 10
const LONGEST_LIFE_MS = 120

/**
 * Kills a writer at full speed with SIGKILL, again and again, and compares the log with what was acknowledged. A database server is
 * crashed as well, while the writer goes on, and started again.
 */
export async function crashStores(rounds: number, subjects: readonly Subject[] = SUBJECTS): Promise<StoreCrashReport[]> {
  const reports: StoreCrashReport[] = []
  const server = subjects.some(isOnServer) ? await startPostgres() : undefined
  try {
    for (const subject of subjects) {
      reports.push(await crashStore(subject, Math.ceil(rounds / subjects.length), isOnServer(subject) ? server : undefined))
    }
  } finally {
    await server?.stop()
  }
  return reports
}

async function crashStore(subject: Subject, rounds: number, server: PostgresServer | undefined): Promise<StoreCrashReport> {
  let [acknowledged, found, lost, doubled, unreadable] = [0, 0, 0, 0, 0]
  for (let round = 0; round < rounds; ) {
    const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-crash-'))
    const place = server ? await freshDatabase(server) : dir
    const promised = new Set<string>()
    try {
      for (let use = 0; use < ROUNDS_A_LOG && round < rounds; use += 1, round += 1) {
        for (const key of await writeAndKill(subject, place, round, server)) promised.add(key)
      }
      const log = await readLog(subject, place)
      acknowledged += promised.size
      found += log.keys.size
      lost += [...promised].filter((key) => !log.keys.has(key)).length
      doubled += log.doubled + requestsInPart(log.keys)
      unreadable += log.gaps
    } catch (error) {
      process.stderr.write(`${subject}: ${String(error)}\n`)
      unreadable += 1
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  }
  return { subject, rounds, acknowledged, found, lost, doubled, unreadable }
}

let databases = 0

async function freshDatabase({ url }: PostgresServer): Promise<string> {
  databases += 1
  const name = `crash_${databases}`
  await withClient(`${url}/postgres`, (client) => client.query(`create database ${name}`))
  await withClient(`${url}/${name}`, createLog)
  return `${url}/${name}`
}

async function withClient(connectionString: string, run: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await run(client)
  await client.end()
}

/** The keys that a writer acknowledged before it was killed at a random moment of its work. */
async function writeAndKill(subject: Subject, place: string, round: number, server: PostgresServer | undefined): Promise<string[]> {
  const child = spawn(process.execPath, ['--conditions=@pipe-comms/source', WRITER, subject, place, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  let crashed: Promise<void> | undefined
  const crash = async () => {
    // Every other time the server goes first, and the writer writes on when it is back.
    if (server && round % 2 === 1) {
      await server.crash()
      await server.start()
      await pause(LONGEST_LIFE_MS)
    }
    child.kill('SIGKILL')
  }
  child.stdout.setEncoding('utf8')
  child.stdout.on('data', (chunk) => {
    crashed ??= pause(Math.random() * LONGEST_LIFE_MS).then(crash)
    said += chunk
  })
  const [code] = await once(child, 'close')
  await crashed
  if (code !== null) throw new Error(`the writer ended by itself with code ${code}`)
  // The last line may have been cut off by the kill; what was not printed whole does not count as acknowledged.
  return said
    .slice(0, said.lastIndexOf('\n') + 1)
    .split(/\s+/)
    .filter(Boolean)
}

async function readLog(subject: Subject, dir: string): Promise<{ keys: Set<string>; doubled: number; gaps: number }> {
  const store = await openStore(subject, dir)
  const keys = new Set<string>()
  const versions = new Map<string, number>()
  let doubled = 0
  let gaps = 0
  for await (const { idempotencyKey, streamId, version } of store.readAll()) {
    if (keys.has(idempotencyKey)) doubled += 1
    keys.add(idempotencyKey)
    if (version !== (versions.get(streamId) ?? 0) + 1) gaps += 1
    versions.set(streamId, version)
  }
  await store.close()
  return { keys, doubled, gaps }
}

/** A request has one to three parts: `-p0` to `-p2`; which ones follows from writer and turn. */
function requestsInPart(keys: ReadonlySet<string>): number {
  let inPart = 0
  for (const key of keys) {
    const [, request = '', writer, turn, part] = /^(r\d+-w(\d+)-t(\d+))-p(\d+)$/.exec(key) ?? []
    if (part !== '0') continue
    const parts = 1 + ((Number(writer) + Number(turn)) % 3)
    for (let index = 1; index < parts; index += 1) if (!keys.has(`${request}-p${index}`)) inPart += 1
  }
  return inPart
}
