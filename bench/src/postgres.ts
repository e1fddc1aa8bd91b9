import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { NewEvent } from '@pipe-comms/core'
import { postgresEventStore } from '@pipe-comms/store-supabase'
import pg from 'pg'
import { createLog } from '../../packages/store-supabase/src/testing/create-log.ts'
import { startPostgres } from '../../packages/store-supabase/src/testing/postgres-server.ts'
import { appendsThroughCache } from './appends.ts'
import { events, streamOf } from './events.ts'
import { type Comparison, compare, type Figure, rate, table } from './measure.ts'

const APPENDS = 10_000
const READS = 20_000
const AT_ONCE = 50
const EMMETT_APPENDS = 500
const emmettFolder = new URL('../emmett-postgresql/', import.meta.url)
const HOW_TO_ADD_EMMETT = 'npm install --prefix bench/emmett-postgresql --no-workspaces'

/** The benchmark of PostgreSQL: a server of its own with the settings of the package, so every commit is synced. */
export async function benchPostgres(): Promise<string> {
  const emmettIsInstalled = existsSync(new URL('node_modules', emmettFolder))
  const server = await startPostgres()
  const admin = new pg.Pool({ connectionString: `${server.url}/postgres`, max: 1 })
  let databases = 0
  const fresh = async (schema: boolean): Promise<string> => {
    databases += 1
    await admin.query(`create database bench_${databases}`)
    const url = `${server.url}/bench_${databases}`
    if (schema) await withClient(url, createLog)
    return url
  }
  try {
    const sample = events(APPENDS)
    const appends = `${AT_ONCE} concurrent single-event appends through the cache`
    const ours = async () => appendConcurrently(await fresh(true), sample)
    const comparisons: Comparison[] = [
      await compare(`PostgreSQL: ${appends}, against one multi-row insert for as many events`, 'events/s', {
        goal: 0.6,
        // A run lasts half a second, and one alone is up to a third off.
        runs: 25,
        warmUps: 2,
        raw: async () => rawInsert(await fresh(false), sample),
        ours,
      }),
    ]
    if (emmettIsInstalled) {
      const few = sample.slice(0, EMMETT_APPENDS)
      comparisons.push(
        await compare(`PostgreSQL: ${appends}, against emmett-postgresql with as many at once`, 'events/s', {
          goal: 5,
          runs: 3,
          raw: async () => emmettAppends(await fresh(false), few),
          ours,
        }),
      )
    }
    const log = await fresh(true)
    await fill(log)
    comparisons.push(
      await compare('PostgreSQL: readAll, against pages of 500 rows of jsonb', 'events/s', {
        runs: 15,
        warmUps: 2,
        raw: () => withClient(log, rawRead),
        ours: () => readEverything(log),
      }),
    )
    const figures: Figure[] = emmettIsInstalled ? [] : [{ what: 'emmett-postgresql', value: `not measured: ${HOW_TO_ADD_EMMETT}` }]
    return table('PostgreSQL, events of 1 kB', comparisons, figures)
  } finally {
    await admin.end()
    await server.stop()
  }
}

async function appendConcurrently(url: string, sample: readonly NewEvent[]): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  const store = postgresEventStore({ pool })
  const perSecond = await appendsThroughCache(store, sample, AT_ONCE, (cache) => cache.find('warm-up'))
  await pool.end()
  return perSecond
}

/** The engine below: the same jsonb with the same uniqueness of key and place, one statement for as many events as a batch of ours. */
async function rawInsert(url: string, sample: readonly NewEvent[]): Promise<number> {
  return withClient(url, async (client) => {
    await client.query(`create table log (position bigint generated always as identity primary key, idempotency_key text not null unique,
      stream_id text not null, version integer not null, event jsonb not null, unique (stream_id, version))`)
    return rate(sample.length, async () => {
      for (let from = 0; from < sample.length; from += AT_ONCE) {
        const rows = sample.slice(from, from + AT_ONCE)
        const places = rows.map((_, row) => `($${row * 4 + 1}, $${row * 4 + 2}, $${row * 4 + 3}, $${row * 4 + 4})`)
        await client.query({
          name: 'insert',
          text: `insert into log (idempotency_key, stream_id, version, event) values ${places.join(', ')} returning position`,
          values: rows.flatMap((event, row) => [event.idempotencyKey, streamOf(from + row), from + row, JSON.stringify(event)]),
        })
      }
    })
  })
}

async function rawRead(client: pg.Client): Promise<number> {
  return rate(READS, async () => {
    let last = 0
    for (;;) {
      const { rows } = await client.query({
        name: 'read',
        text: 'select event_position, event from public.message_events where event_position > $1 order by event_position limit 500',
        values: [last],
      })
      if (rows.length === 0) return
      last = rows.at(-1).event_position
    }
  })
}

async function readEverything(url: string): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  const store = postgresEventStore({ pool })
  await store.find('warm-up')
  let seen = 0
  const perSecond = await rate(READS, async () => {
    for await (const _event of store.readAll()) seen += 1
  })
  await store.close()
  await pool.end()
  if (seen !== READS) throw new Error(`Expected ${READS} events, read ${seen}`)
  return perSecond
}

async function fill(url: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  const store = postgresEventStore({ pool })
  const all = events(READS)
  for (let from = 0; from < READS; from += 1000) {
    await store.append(all.slice(from, from + 1000).map((event, row) => ({ streamId: streamOf(from + row), events: [event] })))
  }
  await store.close()
  await pool.end()
}

/** Single-event appends a second, as many at once as ours. */
async function emmettAppends(url: string, sample: readonly NewEvent[]): Promise<number> {
  const load = createRequire(new URL('package.json', emmettFolder))
  const { getPostgreSQLEventStore } = load('@event-driven-io/emmett-postgresql')
  const store = getPostgreSQLEventStore(url)
  await store.appendToStream('warm-up', [{ type: 'warm-up', data: {} }])
  let next = 0
  const writer = async () => {
    for (let index = next++; index < sample.length; index = next++) {
      const event = sample[index] as NewEvent
      await store.appendToStream(streamOf(index), [{ type: event.type, data: event }])
    }
  }
  const perSecond = await rate(sample.length, async () => {
    await Promise.all(Array.from({ length: AT_ONCE }, writer))
  })
  await store.close()
  return perSecond
}

async function withClient<Result>(connectionString: string, run: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}
