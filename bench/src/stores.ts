import { spawnSync } from 'node:child_process'
import { closeSync, fdatasyncSync, fsyncSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type EventStore, eventCache, type NewEvent } from '@pipe-comms/core'
import { openJsonEventStore } from '@pipe-comms/store-json'
import { openSqliteEventStore } from '@pipe-comms/store-sqlite'
import Database from 'better-sqlite3'
import { appendsOf, appendsThroughCache } from './appends.ts'
import { emmettAppends, emmettIsInstalled, HOW_TO_ADD_EMMETT } from './emmett.ts'
import { anEvent, batches, events, streamOf } from './events.ts'
import { type Comparison, compare, type Figure, rate, table } from './measure.ts'
import { RawSqlite, rawSameTable } from './raw-sqlite.ts'

const APPENDS = 20_000
const READS = 50_000
const AT_ONCE = 100
const EMMETT_APPENDS = 1000
/** A round of appends is short, and its code takes some rounds until it is compiled for good. */
const APPEND_ROUNDS = { runs: 25, warmUps: 8 }
const READ_ROUNDS = { runs: 15, warmUps: 2 }
/** A log in use: it has so many events, and in each round both get some more. */
const IN_USE = { events: 50_000, more: 5000, rounds: { runs: 20, warmUps: 4 } }
/** Otherwise the heap grows because it may, not because it must, and flat memory cannot be told from lazy collection. */
const MODEST_HEAP = ['--max-old-space-size=64', '--max-semi-space-size=8']

/** The benchmark of the stores. `million`: how many events the large log has. */
export async function benchStores({ million }: { million: number }): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'pipe-comms-bench-'))
  try {
    const sample = events(APPENDS)
    const comparisons: Comparison[] = [
      await compare(`JSON: ${AT_ONCE} concurrent single-event appends through the cache, against append + fdatasync`, 'events/s', {
        goal: 0.7,
        ...APPEND_ROUNDS,
        raw: () => rate(APPENDS, () => rawFile(fresh(dir), sample)),
        ours: async () => appendConcurrently(await openJsonEventStore({ dir: fresh(dir) }), sample),
      }),
      await sqliteInUse(dir),
      await compare('SQLite: the same in a new log', 'events/s', {
        ...APPEND_ROUNDS,
        raw: async () => {
          const log = new RawSqlite(join(fresh(dir), 'raw.db'))
          const perSecond = await rate(sample.length, () => log.append(sample, AT_ONCE))
          log.close()
          return perSecond
        },
        ours: async () => appendConcurrently(await openSqliteEventStore({ file: join(fresh(dir), 'ours.db') }), sample),
      }),
      await compare(
        'SQLite: the same in a new log, against better-sqlite3 with the table, indexes, triggers and settings of the store',
        'events/s',
        {
          ...APPEND_ROUNDS,
          raw: async () => {
            const file = join(fresh(dir), 'same.db')
            const store = await openSqliteEventStore({ file })
            await store.append([{ streamId: 'made:first', events: [anEvent(APPENDS)] }])
            await store.close()
            return rawSameTable(file, sample, AT_ONCE)
          },
          ours: async () => appendConcurrently(await openSqliteEventStore({ file: join(fresh(dir), 'ours.db') }), sample),
        },
      ),
    ]
    const json = fresh(dir)
    const sqlite = join(fresh(dir), 'events.db')
    for (const store of [await openJsonEventStore({ dir: json }), await openSqliteEventStore({ file: sqlite })]) {
      await fill(store, READS)
      await store.close()
    }
    comparisons.push(
      await compare('JSON: readAll, against read + JSON.parse', 'events/s', {
        goal: 0.8,
        ...READ_ROUNDS,
        raw: () => rate(READS, () => rawReadFile(json)),
        ours: async () => readEverything(await openJsonEventStore({ dir: json })),
      }),
      await compare('SQLite: readAll, against better-sqlite3 + JSON.parse', 'events/s', {
        goal: 0.8,
        ...READ_ROUNDS,
        raw: () => rate(READS, () => rawReadSqlite(sqlite)),
        ours: async () => readEverything(await openSqliteEventStore({ file: sqlite })),
      }),
    )
    return table('Stores, events of 1 kB', comparisons, [...(await besideEmmett(dir)), ...largeLogs(dir, million)])
  } finally {
    rmSync(dir, { recursive: true })
  }
}

async function besideEmmett(dir: string): Promise<Figure[]> {
  if (!emmettIsInstalled()) return [{ what: 'emmett-sqlite', value: `not measured: ${HOW_TO_ADD_EMMETT}` }]
  const sample = events(EMMETT_APPENDS)
  // Now and then its commit fails with "SQL statements in progress".
  const theirs = await emmettAppends(join(fresh(dir), 'emmett.db'), sample).catch((error: Error) => error)
  const store = await openSqliteEventStore({ file: join(fresh(dir), 'ours.db') })
  const ours = await rate(sample.length, async () => {
    for (const [index, event] of sample.entries()) await store.append([{ streamId: streamOf(index), events: [event] }])
  })
  await store.close()
  return [
    {
      what: 'SQLite: single-event appends one after the other, ours and emmett-sqlite',
      value:
        theirs instanceof Error
          ? `${Math.round(ours)} events/s; emmett-sqlite failed: ${theirs.message}`
          : `${Math.round(ours)} and ${Math.round(theirs)} events/s, ratio ${(ours / theirs).toFixed(1)}`,
    },
  ]
}

/** Opening and reading a large log, each in a process of its own, for its memory is what is measured. */
function largeLogs(dir: string, million: number): Figure[] {
  buildStores()
  return (['json', 'sqlite'] as const).flatMap((name) => {
    const [path, openGoal] = name === 'json' ? [fresh(dir), 5] : [join(fresh(dir), 'large.db'), 1]
    process.stderr.write(`${name}: writing ${million} events\n`)
    run(process.execPath, ['--conditions=@pipe-comms/source', here('./fill-log.ts'), name, path, String(million)])
    const read = run(process.execPath, [...MODEST_HEAP, here('./read-log.mjs'), name, path, String(million)])
    const { openMs, readPerSecond, openedMb, peakMb } = JSON.parse(read) as Record<string, number> & { openMs: number }
    return [
      {
        what: `${name}: opening ${million} events`,
        value: `${(openMs / 1000).toFixed(2)} s`,
        goal: `< ${openGoal} s ${openMs < openGoal * 1000 ? 'met' : '**missed**'}`,
      },
      {
        what: `${name}: peak memory of the process while it reads ${million} events (heap of 64 MB)`,
        value: `${peakMb} MB, ${openedMb} of it when the log was opened`,
        goal: `< 150 MB ${Number(peakMb) < 150 ? 'met' : '**missed**'}`,
      },
      { what: `${name}: reading ${million} events`, value: `${Math.round(Number(readPerSecond) / 1000)} k events/s` },
    ]
  })
}

/** A user's process runs the built packages: type stripping alone takes 30 MB. */
function buildStores(): void {
  run('turbo', ['run', 'build', '--filter=@pipe-comms/store-json', '--filter=@pipe-comms/store-sqlite', '--output-logs=errors-only'])
}

function run(command: string, args: readonly string[]): string {
  const { stdout, status } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`)
  return stdout
}

function here(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url))
}

let folders = 0
function fresh(dir: string): string {
  folders += 1
  return mkdtempSync(join(dir, `${folders}-`))
}

/** Opening ends with the first append: SQLite's starts the writer thread. */
async function appendConcurrently(store: EventStore, sample: readonly NewEvent[]): Promise<number> {
  return appendsThroughCache(store, sample, AT_ONCE, (cache) =>
    cache.append([{ streamId: 'made:first', events: [anEvent(sample.length)] }]),
  )
}

async function fill(store: EventStore, count: number, from = 0): Promise<void> {
  for (let at = 0; at < count; at += 1000) {
    await store.append(events(1000, from + at).map((event, index) => ({ streamId: streamOf(at + index), events: [event] })))
  }
}

async function readEverything(store: EventStore): Promise<number> {
  let seen = 0
  const perSecond = await rate(READS, async () => {
    for await (const _event of store.readAll()) seen += 1
  })
  await store.close()
  if (seen !== READS) throw new Error(`Expected ${READS} events, read ${seen}`)
  return perSecond
}

/** The engine below the JSON store: text to the end of a file, and a sync, a batch at a time. */
function rawFile(dir: string, sample: readonly NewEvent[]): void {
  const file = openSync(join(dir, 'raw.jsonl'), 'a')
  fsyncSync(file)
  for (const batch of batches(sample, AT_ONCE)) {
    writeSync(file, batch.map((event) => `${JSON.stringify(event)}\n`).join(''))
    fdatasyncSync(file)
  }
  closeSync(file)
}

async function sqliteInUse(dir: string): Promise<Comparison> {
  const raw = new RawSqlite(join(fresh(dir), 'raw.db'))
  const store = await openSqliteEventStore({ file: join(fresh(dir), 'ours.db') })
  raw.append(events(IN_USE.events), 1000)
  await fill(store, IN_USE.events)
  const cache = eventCache({ store, maxBatch: AT_ONCE })
  let count = IN_USE.events
  let sample: readonly NewEvent[] = []
  const comparison = await compare(
    `SQLite: ${AT_ONCE} concurrent single-event appends through the cache to a log in use, from ${IN_USE.events} events on, against better-sqlite3`,
    'events/s',
    {
      goal: 0.8,
      ...IN_USE.rounds,
      raw: () => {
        sample = events(IN_USE.more, count)
        count += IN_USE.more
        return rate(IN_USE.more, () => raw.append(sample, AT_ONCE))
      },
      ours: () => appendsOf(AT_ONCE, cache, sample),
    },
  )
  raw.close()
  await cache.close()
  return comparison
}

function rawReadFile(dir: string): void {
  const [name] = readdirSync(dir).filter((file) => file.endsWith('.jsonl'))
  const path = join(dir, name as string)
  const file = openSync(path, 'r')
  const chunk = Buffer.alloc(262_144)
  let rest = Buffer.alloc(0)
  for (let at = 0; at < statSync(path).size; ) {
    const bytes = readSync(file, chunk, 0, chunk.length, at)
    at += bytes
    const text = Buffer.concat([rest, chunk.subarray(0, bytes)])
    const end = text.lastIndexOf(10)
    for (const line of text.toString('utf8', 0, end).split('\n')) JSON.parse(line)
    rest = Buffer.from(text.subarray(end + 1))
  }
  closeSync(file)
}

function rawReadSqlite(file: string): void {
  const database = new Database(file, { readonly: true })
  for (const row of database.prepare('SELECT event_position, event_json FROM message_events ORDER BY event_position').iterate()) {
    JSON.parse((row as { event_json: string }).event_json)
  }
  database.close()
}
