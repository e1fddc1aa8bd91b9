import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { appendOf } from '@pipe-comms/core/conformance'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { postgresEventStore } from './index.ts'
import type { PostgresPool } from './options.ts'
import { unfitServer } from './server-version.ts'
import { createLog, schemaFiles } from './testing/create-log.ts'
import { describeWithPostgres, freshDatabase, onServer } from './testing/database.ts'
import { type PostgresServer, postgresPrograms, startPostgres } from './testing/postgres-server.ts'

const STREAM = 'whatsapp:+33639980001'
const ends: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const end of ends.reverse()) await end()
}, 30_000)

const storeOn = (connectionString: string) => {
  const pool = new pg.Pool({ connectionString })
  pool.on('error', () => {})
  ends.push(() => pool.end())
  return postgresEventStore({ pool, firstRetryMs: 1 })
}

it('the SQL files are found by the name that messages give', () => {
  const require = createRequire(import.meta.url)
  for (const name of ['create-message-events-table.sql', '002-detach-old-partitions.sql']) {
    expect(require.resolve(`@pipe-comms/store-supabase/sql/${name}`)).toMatch(new RegExp(`sql/${name}$`))
  }
})

describeWithPostgres('a database that is not set up', () => {
  it.each<[string, (url: string) => Promise<unknown>]>([
    ['nothing was run', async () => {}],
    ['the functions are missing', (url) => createLogOn(url).then(() => dropFunctions(url))],
    [
      'the tables are missing',
      (url) =>
        createLogOn(url).then(() =>
          onServer(url, 'drop table message_log, message_events, message_event_places, consumer_checkpoints cascade'),
        ),
    ],
    ['the release before knew no identity of a log', (url) => createLogOn(url).then(() => onServer(url, 'drop function open_message_log'))],
    ['one function has older arguments', (url) => createLogOn(url).then(() => onServer(url, 'drop function find_message_event'))],
  ])('is store_misconfigured with the file to run when %s, and is taken up without a new store', async (_, spoil) => {
    const url = await freshDatabase({ schema: false })
    await spoil(url)
    const store = storeOn(url)
    await expect(store.find('a')).rejects.toMatchObject({
      code: 'store_misconfigured',
      message: expect.stringMatching(/require\.resolve\('@pipe-comms\/store-supabase\/sql\/create-message-events-table\.sql'\)/),
    })
    await createLogOn(url)
    expect(await store.append([appendOf(STREAM, ['a'])])).toMatchObject([{ status: 'recorded' }])
    expect((await store.check()).filter(({ problem }) => !problem.includes('fsync'))).toEqual([])
  })

  it('says by check() which files an older log still needs', async () => {
    const url = await freshDatabase({ schema: false })
    await createLogOn(url)
    // As the release before left it.
    await onServer(url, 'drop function open_message_log; alter table message_log drop column log_id')
    const store = storeOn(url)
    expect((await store.check())[0]?.remedy).toContain('create-message-events-table.sql')
    await onServer(url, schemaFiles[0] as string)
    expect((await store.check()).map(({ remedy }) => remedy)).toContainEqual('Run the files of sql/ that begin with a number over 1')
    await onServer(url, schemaFiles[1] as string)
    expect((await store.check()).filter(({ problem }) => !problem.includes('fsync'))).toEqual([])
  })

  it('refuses positions of another log by both names, and keeps its own across running the SQL again', async () => {
    const [url, other] = await Promise.all([freshDatabase({ schema: false }), freshDatabase({ schema: false })])
    const [store, elsewhere] = await Promise.all(
      [url, other].map(async (one) => {
        await createLogOn(one)
        const opened = storeOn(one)
        await opened.append([appendOf(STREAM, ['a'])])
        return opened
      }),
    )
    const position = async (from: typeof store, key: string) => (await from?.find(key))?.position as string
    const [mine, theirs] = [await position(store, 'a'), await position(elsewhere, 'a')]
    const [myName, theirName] = [mine, theirs].map((one) => one.split('.')[0])
    const read = async (after: string) => {
      const found: string[] = []
      for await (const { idempotencyKey } of (store as NonNullable<typeof store>).readAll({ after })) found.push(idempotencyKey)
      return found
    }
    await expect(read(theirs)).rejects.toMatchObject({
      code: 'position_invalid',
      message: expect.stringMatching(new RegExp(`which is ${myName}; got "${theirName}\\.`)),
    })
    for (const after of ['000000000001', `${myName}.000000000002`, `${myName}.1`, `${myName}.000000000000`]) {
      await expect(read(after)).rejects.toMatchObject({ code: 'position_invalid' })
    }
    await createLogOn(url)
    expect(await position(storeOn(url), 'a')).toBe(mine)
    await expect(onServer(url, "update message_log set log_id = 'AB'")).rejects.toThrow('violates check constraint')
  })
})

describeWithPostgres('the lock of writers', () => {
  it('is out of reach of other logins: what they may lock holds up no append', async () => {
    const url = await freshDatabase()
    await onServer(
      url,
      `do $$ begin create role stranger login; exception when duplicate_object then null; end $$; grant usage on schema public to stranger`,
    )
    const client = new pg.Client({ connectionString: url.replace('postgres@', 'stranger@') })
    await client.connect()
    ends.push(() => client.end())
    await client.query('select pg_advisory_lock(1346596211, 1)')
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock(1346596211, 1), pg_advisory_xact_lock(1346596211)')
    for (const sql of [
      'select from message_log for update',
      'select from message_log for key share',
      'lock table message_log in access share mode',
      'lock table message_events in access share mode',
      'select * from message_event_places for update',
    ]) {
      await client.query('savepoint s')
      await expect(client.query(sql)).rejects.toMatchObject({ code: '42501' })
      await client.query('rollback to s')
    }
    const store = storeOn(url)
    await store.find('a')
    const startedAt = performance.now()
    expect(await store.append([appendOf(STREAM, ['a'])])).toMatchObject([{ status: 'recorded' }])
    expect(performance.now() - startedAt).toBeLessThan(2000)
    await client.query('rollback')
  })

  it('lets a stranger wake consumers for nothing, and no more', async () => {
    const url = await freshDatabase()
    const store = storeOn(url)
    await store.append([appendOf(STREAM, ['a'])])
    const after = (await store.find('a'))?.position as string
    const stop = new AbortController()
    const wait = () => store.wakeUp({ after, signal: stop.signal })
    // The first call listens, and wakes once when it does.
    await wait()
    for (const payload of ['zzzzzzzz.999999999999', 'x', '9'.repeat(7000), '']) {
      const woken = wait()
      await onServer(url, `select pg_notify('message_events', ${pg.escapeLiteral(payload)})`)
      await woken
    }
    let awake = false
    const woken = wait().then(() => {
      awake = true
    })
    for (const payload of ['000000000000', "'; drop table message_events"]) {
      await onServer(url, `select pg_notify('message_events', ${pg.escapeLiteral(payload)})`)
    }
    expect(awake).toBe(false)
    await store.append([appendOf(STREAM, ['b'])])
    await woken
    await store.close()
  })

  it('is named by check() with the session that holds it for seconds', async () => {
    const url = await freshDatabase()
    const holder = new pg.Client({ connectionString: url })
    await holder.connect()
    const { rows } = await holder.query('select pg_backend_pid() as pid')
    await holder.query('begin')
    await holder.query('select from message_log for update')
    const store = storeOn(url)
    const waiting = Array.from({ length: 3 }, (_, index) => store.append([appendOf(STREAM, [`k${index}`])]))
    await expect
      .poll(async () => (await store.check()).map(({ problem }) => problem), { timeout: 6000 })
      .toContainEqual(`Appends wait for seconds behind the session ${rows[0].pid}`)
    await holder.query('rollback')
    await holder.end()
    await Promise.all(waiting)
  })
})

describeWithPostgres('rows that cannot be read', () => {
  it.each([
    ['of a newer schema', `jsonb_set(event, '{schemaVersion}', '9')`],
    ['that are a list', `'[1]'`],
    ['that are text', `'"x"'`],
    ['that are an empty object', `'{}'`],
    ['without a type', `event - 'type'`],
    ['whose data is a number', `jsonb_set(event, '{data}', '1')`],
  ])('%s are event.unreadable in their place, for every reader, and said once', async (_, json) => {
    const url = await freshDatabase()
    const said: string[] = []
    const pool = new pg.Pool({ connectionString: url })
    ends.push(() => pool.end())
    const logger = { debug() {}, info() {}, warn() {}, error: (message: string) => said.push(message) }
    const store = postgresEventStore({ pool, logger })
    await store.append([appendOf(STREAM, ['a', 'b', 'c'])])
    await onServer(url, `set session_replication_role = replica; update message_events set event = ${json} where event_position = 2`)
    const shown = async (events: AsyncIterable<{ type: string; version: number; streamId: string }>) => {
      const found: unknown[] = []
      for await (const { type, version, streamId } of events) found.push([type, version, streamId])
      return found
    }
    const expected = ['message.received', 'event.unreadable', 'message.received'].map((type, index) => [type, index + 1, STREAM])
    expect(await shown(store.readAll())).toEqual(expected)
    expect(await shown(store.readStream(STREAM))).toEqual(expected)
    expect(await store.find('b')).toMatchObject({ type: 'event.unreadable', idempotencyKey: 'b', version: 2 })
    expect(await store.append([appendOf(STREAM, ['b'])])).toMatchObject([
      { events: [{ repeated: true, event: { type: 'event.unreadable', idempotencyKey: 'b' } }] },
    ])
    expect(said).toEqual([expect.stringMatching(/^PostgreSQL: the event at \w{8}\.000000000002 cannot be read: /)])
  })
})

describe('a server that is not PostgreSQL', () => {
  it.each([
    ['CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu, built 2024/05/15, go1.22.2)', 'CockroachDB'],
    ['PostgreSQL 11.2-YB-2.20.1.3-b0 on x86_64-pc-linux-gnu, compiled by clang version 16.0.6, 64-bit', 'YugabyteDB'],
    ['PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang, 64-bit', 'YugabyteDB'],
    ['PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.1234', 'Redshift'],
    ['PostgreSQL 9.5.0 on x86_64-unknown-linux-gnu (Materialize v0.100.0)', 'Materialize'],
    ['SomethingElse 1.0', 'another server than PostgreSQL'],
    ['PostgreSQL 13.4 on x86_64-pc-linux-gnu', 'PostgreSQL 13'],
  ])('is refused by what it says of itself: %s', async (version, name) => {
    expect(unfitServer(version)?.problem).toContain(name)
    // As such a server answers: it has version(), and none of our functions.
    const client = {
      query: async ({ text }: { text: string }) => {
        if (text === 'select version() as answer') return { rows: [{ answer: version }] }
        throw Object.assign(new Error('unknown function: open_message_log()'), { code: '42883', severity: 'ERROR' })
      },
      on() {},
      removeListener() {},
      release() {},
    }
    const store = postgresEventStore({ pool: { connect: async () => client, on() {}, removeListener() {} } as PostgresPool })
    await expect(store.append([appendOf(STREAM, ['a'])])).rejects.toMatchObject({
      code: 'store_misconfigured',
      message: expect.stringContaining(name),
    })
    expect(await store.check()).toEqual([unfitServer(version)])
  })

  it.each([
    'PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14) 12.2.0, 64-bit',
    'PostgreSQL 17.4 on aarch64-unknown-linux-gnu, compiled by gcc (GCC) 13.2.0, 64-bit',
    'PostgreSQL 18.3 on wasm32-unknown-emscripten, compiled by emcc',
    'PostgreSQL 14.4, compiled by Visual C++ build 1914, 64-bit',
  ])('is not what says: %s', (version) => expect(unfitServer(version)).toBeUndefined())
})

describeWithPostgres('a server with replicas', () => {
  let primary: PostgresServer
  const problems = async (url: string) =>
    (await storeOn(url).check()).filter(({ problem }) => !problem.includes('fsync')).map(({ problem, warning }) => [problem, warning])

  it('is a warning of what a failover may lose while none of them is synchronous', async () => {
    primary = await startPostgres({ fsync: 'off', wal_level: 'logical' })
    ends.push(() => primary.stop())
    const url = `${primary.url}/postgres`
    await createLogOn(url)
    expect(await problems(url)).toEqual([])
    const wal = await mkdtemp(join(primary.folder, 'wal-'))
    execFileSync('chown', ['--reference', primary.folder, wal])
    const receiver = spawn(
      join((await postgresPrograms()) as string, 'pg_receivewal'),
      ['-D', wal, '--no-loop', '--synchronous', '-d', url],
      {
        stdio: 'ignore',
        ...owner(primary.folder),
        cwd: primary.folder,
      },
    )
    ends.push(async () => receiver.kill('SIGKILL'))
    const warning = ['1 replicas are attached and none is synchronous: a failover to one may lose the newest acknowledged events', true]
    await expect.poll(() => problems(url), { timeout: 10_000 }).toEqual([warning])
    await onServer(url, "alter system set synchronous_standby_names = '*'")
    await onServer(url, 'select pg_reload_conf()')
    await expect.poll(() => problems(url), { timeout: 10_000 }).toEqual([])
  })

  it('is refused as a standby, and when it is read-only', async () => {
    const standby = await startPostgres({ fsync: 'off' })
    ends.push(() => standby.stop())
    const url = `${standby.url}/postgres`
    await createLogOn(url)
    const readOnly = `${url}?options=${encodeURIComponent('-c default_transaction_read_only=on')}`
    expect(await problems(readOnly)).toEqual([[expect.stringMatching(/^The database is read-only/), undefined]])
    await standby.crash()
    await writeFile(join(standby.folder, 'data', 'standby.signal'), '')
    execFileSync('chown', ['--reference', join(standby.folder, 'data', 'PG_VERSION'), join(standby.folder, 'data', 'standby.signal')])
    await standby.start()
    expect(await problems(url)).toEqual([[expect.stringMatching(/^The server is a standby/), undefined]])
    await expect(storeOn(url).append([appendOf(STREAM, ['a'])])).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining('25006'),
    })
  })
})

async function createLogOn(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await createLog(client)
  await client.end()
}

async function dropFunctions(url: string): Promise<void> {
  await onServer(
    url,
    `do $$ declare f regprocedure; begin
       for f in select oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace and prosecdef loop execute 'drop function ' || f; end loop;
     end $$`,
  )
}

/** The user of a folder, to run a program as. */
function owner(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = execFileSync('stat', ['-c', '%u %g', folder], { encoding: 'utf8' }).trim().split(' ').map(Number)
  return { uid: uid as number, gid: gid as number }
}
