import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { aMessage, appendOf } from '@pipe-comms/core/conformance'
import { createClient } from '@supabase/supabase-js'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type DatabaseEventStore, postgresEventStore, supabaseEventStore } from './index.ts'
import { appendSql } from './testing/append-sql.ts'
import { describeWithPostgres, emptyLog, freshDatabase, onServer } from './testing/database.ts'
import { type RestGateway, startRestGateway } from './testing/rest-gateway.ts'

const WRITERS = 16
const RUNS = 20
const TURNS = 6

describeWithPostgres('many writers and a reader that follows by position', () => {
  let url: string
  let gateway: RestGateway
  beforeAll(async () => {
    url = await freshDatabase()
    gateway = await startRestGateway(url)
  })
  afterAll(() => gateway?.close())

  const ways: Record<string, () => { open: () => DatabaseEventStore; end: () => Promise<void> }> = {
    PostgreSQL: () => {
      const pool = new pg.Pool({ connectionString: url, max: 6 })
      return { open: () => postgresEventStore({ pool, firstRetryMs: 5, maxTries: 10 }), end: () => pool.end() }
    },
    Supabase: () => {
      const client = createClient(gateway.url, gateway.keys.secret, { auth: { persistSession: false } })
      return { open: () => supabaseEventStore({ client, firstRetryMs: 5, maxTries: 10 }), end: async () => {} }
    },
  }

  it.each(Object.keys(ways))(
    `through %s: with rollbacks, slow transactions and killed connections, every event is seen exactly once and in order; ${RUNS} runs`,
    async (name) => {
      const { open, end } = (ways[name] as (typeof ways)[string])()
      for (let run = 0; run < RUNS; run += 1) {
        await emptyLog(url)
        const store = open()
        const seen: string[] = []
        const positions: string[] = []
        let writing = true
        const reading = follow(store, () => writing, seen, positions)
        const trouble = [rollBack(url, () => writing), killConnections(url, () => writing)]
        const acknowledged = (await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(store, writer)))).flat()
        writing = false
        await Promise.all([reading, ...trouble])
        const { rows } = await onServer(
          url,
          'select idempotency_key as key, event_position::integer as position from message_events order by event_position',
        )
        expect(seen).toEqual(rows.map(({ key }) => key))
        expect(rows.map(({ position }) => position)).toEqual(rows.map((_, index) => index + 1))
        expect(new Set(seen).size).toBe(seen.length)
        expect(acknowledged.filter((key) => !seen.includes(key))).toEqual([])
        expect([...positions].sort()).toEqual(positions)
        expect(await versionsAreWhole(url)).toBe(true)
        await store.close()
      }
      await end()
    },
    90_000,
  )

  it('a reader that takes the newest it can see would skip, were positions given out before the lock: the test can fail', async () => {
    await emptyLog(url)
    // The same table, written beside the functions: the later position commits first.
    const slow = new pg.Client({ connectionString: url })
    await slow.connect()
    await slow.query('begin')
    await slow.query(insertAt(1))
    await onServer(url, insertAt(2))
    const store = postgresEventStore({ pool: new pg.Pool({ connectionString: url, max: 1 }) })
    const seen: string[] = []
    for await (const { position } of store.readAll()) seen.push(position)
    await slow.query('commit')
    await slow.end()
    for await (const { position } of store.readAll({ after: seen.at(-1) as string })) seen.push(position)
    expect(seen).toEqual([expect.stringMatching(/^[a-z2-7]{8}\.000000000002$/)])
    await store.close()
  })

  it('one winner for each claim, among instances that know nothing of each other', async () => {
    await emptyLog(url)
    const instances = Object.values(ways).flatMap((way) => Array.from({ length: 4 }, () => way()))
    const stores = instances.map(({ open }) => open())
    const attempts = Array.from({ length: 40 }, (_, index) => `attempt:message-${index}:1`)
    const won = await Promise.all(
      stores.map(async (store, instance) => {
        let count = 0
        for (const key of attempts) {
          const [result] = await store.append([{ streamId: 'whatsapp:+33639980001', events: [aMessage(key, `by ${instance}`)] }])
          if (result?.status === 'recorded' && !result.events[0]?.repeated) count += 1
        }
        return count
      }),
    )
    expect(won.reduce((sum, count) => sum + count)).toBe(attempts.length)
    // What any instance saves, every other one loads.
    await Promise.all(stores.map((store, instance) => store.checkpoints.save(`consumer-${instance}`, `position ${instance}`)))
    for (const store of stores) {
      const loaded = await Promise.all(stores.map((_, instance) => store.checkpoints.load(`consumer-${instance}`)))
      expect(loaded).toEqual(stores.map((_, instance) => `position ${instance}`))
    }
    await Promise.all(stores.map((store) => store.close()))
    await Promise.all(instances.map(({ end }) => end()))
  })

  it('a writer process killed with SIGKILL, and the backend of another, lose nothing acknowledged', async () => {
    await emptyLog(url)
    const child = writerProcess(url)
    const acknowledged: string[] = []
    let said = ''
    let terminated = false
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      said += chunk
      const lines = said.split('\n')
      said = lines.pop() as string
      acknowledged.push(...lines)
      if (acknowledged.length > 100 && !terminated) {
        terminated = true
        await onServer(url, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'writer-under-test'")
      }
      if (acknowledged.length > 300) child.kill('SIGKILL')
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    const { rows } = await onServer(url, 'select idempotency_key as key from message_events order by event_position')
    const found = rows.map(({ key }) => key)
    expect(acknowledged.length).toBeGreaterThan(300)
    expect(acknowledged.filter((key) => !found.includes(key))).toEqual([])
    expect(new Set(found).size).toBe(found.length)
    expect(await versionsAreWhole(url)).toBe(true)
  })
})

async function write(store: DatabaseEventStore, writer: number): Promise<string[]> {
  const acknowledged: string[] = []
  for (let turn = 0; turn < TURNS; turn += 1) {
    const keys = Array.from({ length: 1 + ((writer + turn) % 3) }, (_, part) => `w${writer}-t${turn}-p${part}`)
    // Some claim what others claim as well, some expect a version that others move.
    const claim = turn % 4 === 0 ? [appendOf('whatsapp:+33639980000', [`claim-${turn}`])] : []
    const expecting = turn % 5 === 0 ? [appendOf('whatsapp:+33639980000', [`v${writer}-${turn}`], turn)] : []
    const results = await store.append([appendOf(`whatsapp:+3363998000${writer % 4}`, keys), ...claim, ...expecting])
    for (const result of results)
      if (result.status === 'recorded') acknowledged.push(...result.events.map(({ event }) => event.idempotencyKey))
  }
  return acknowledged
}

async function follow(store: DatabaseEventStore, more: () => boolean, seen: string[], positions: string[]): Promise<void> {
  let last: string | undefined
  const readOn = async () => {
    for await (const { idempotencyKey, position } of store.readAll(last === undefined ? {} : { after: last })) {
      seen.push(idempotencyKey)
      positions.push(position)
      last = position
    }
  }
  while (more()) {
    await readOn()
    // A turn for the writers: they share this process.
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await readOn()
}

/** Appends that hold the lock for a moment and are then taken back: their positions must not be missed, nor waited for. */
async function rollBack(url: string, more: () => boolean): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'trouble' })
  await client.connect()
  for (let turn = 0; more(); turn += 1) {
    await client.query('begin')
    await client.query(appendSql(appendOf('whatsapp:+33639980000', [`taken-back-${turn}`, `taken-back-${turn}-b`])))
    await client.query('select pg_sleep(0.005)')
    await client.query('rollback')
    await client.query('select pg_sleep(0.02)')
  }
  await client.end()
}

/** Every other connection to the database, now and then, in the middle of whatever it does. */
async function killConnections(url: string, more: () => boolean): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'trouble' })
  await client.connect()
  while (more()) {
    await client.query('select pg_sleep(0.04)')
    await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name <> 'trouble' and query like '%append_message_events%' and state = 'active'
      order by random() limit 1`)
  }
  await client.end()
}

async function versionsAreWhole(url: string): Promise<boolean> {
  const { rows } = await onServer(
    url,
    'select bool_and(newest = count) as whole from (select max(stream_version) as newest, count(*) from message_event_places group by stream_id) s',
  )
  return rows[0].whole
}

function insertAt(position: number): string {
  const key = `beside-${position}`
  return `insert into message_event_places values (${position}, '${key}', 'beside', ${position}, gen_random_uuid(), now());
    insert into message_events (event_position, stream_id, stream_version, idempotency_key, event_id, event_type, channel, provider,
      occurred_at, recorded_at, event_bytes, event)
    values (${position}, 'beside', ${position}, '${key}', 'e', 't', 'sms', 'p', now(), now(), 1, '${JSON.stringify(aMessage(key))}')`
}

function writerProcess(url: string): ChildProcessByStdio<null, Readable, null> {
  const script = `
    import { writeSync } from 'node:fs'
    import { appendOf } from '@pipe-comms/core/conformance'
    import pg from 'pg'
    import { postgresEventStore } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    const pool = new pg.Pool({ connectionString: ${JSON.stringify(url)}, application_name: 'writer-under-test' })
    const store = postgresEventStore({ pool, firstRetryMs: 5, maxTries: 10 })
    await Promise.all(Array.from({ length: 10 }, async (_, lane) => {
      for (let index = 0; ; index += 1) {
        const keys = ['l' + lane + '-' + index + '-a', 'l' + lane + '-' + index + '-b']
        await store.append([appendOf('whatsapp:+3363998000' + lane, keys)])
        writeSync(1, keys.join('\\n') + '\\n')
      }
    }))`
  return spawn(process.execPath, ['--conditions=@pipe-comms/source', '--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
