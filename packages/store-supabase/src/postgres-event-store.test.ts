import { once } from 'node:events'
import { createServer } from 'node:net'
import { CommsError, memoryCheckpointStore, type RecordedEvent, runConsumer } from '@pipe-comms/core'
import { aMessage, appendOf } from '@pipe-comms/core/conformance'
import pg from 'pg'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type PostgresEventStore, postgresEventStore } from './index.ts'
import { appendSql } from './testing/append-sql.ts'
import { describeWithPostgres, emptyLog, freshDatabase, onServer } from './testing/database.ts'

const STREAM = 'whatsapp:+33639980001'

describeWithPostgres('postgresEventStore', () => {
  let url: string
  let pool: pg.Pool
  let store: PostgresEventStore
  beforeAll(async () => {
    url = await freshDatabase()
  })
  beforeEach(() => {
    pool = new pg.Pool({ connectionString: url, max: 4 })
    store = postgresEventStore({ pool, firstRetryMs: 1 })
  })
  afterEach(async () => {
    await store.close()
    await pool.end()
    await emptyLog(url)
  })

  const collect = async () => {
    const found: RecordedEvent[] = []
    for await (const event of store.readAll()) found.push(event)
    return found
  }
  /** Another session that holds something until it is told to let go. */
  const holding = async (sql: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('begin')
    await client.query(sql)
    return async () => {
      await client.query('rollback')
      await client.end()
    }
  }

  it('survives idle connections that the server ends, and its pool loses no connection', async () => {
    await store.append([appendOf(STREAM, ['a'])])
    await onServer(
      url,
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    await store.append([appendOf(STREAM, ['b'])])
    expect((await collect()).map(({ idempotencyKey }) => idempotencyKey)).toEqual(['a', 'b'])
    expect(pool.waitingCount).toBe(0)
  })

  it.each([
    ['does not know a statement that another session prepared', 'deallocate all', false],
    ['has a statement of that name already', 'prepare "find_message_event/1" as select \'of another client\'', true],
  ])('prepares no statements where a session of the server %s, as behind a pooler', async (_, sql, first) => {
    const single = new pg.Pool({ connectionString: url, max: 1 })
    const pooled = postgresEventStore({ pool: single, maxTries: 1 })
    await pooled.append([appendOf(STREAM, ['a'])])
    if (!first) await pooled.find('a')
    await single.query(sql)
    expect((await pooled.find('a'))?.idempotencyKey).toBe('a')
    await single.query('deallocate all')
    expect(await pooled.append([appendOf(STREAM, ['a', 'b'])])).toMatchObject([{ events: [{ repeated: true }, { repeated: false }] }])
    await pooled.close()
    await single.end()
  })

  it('waits for the writer before it, and is refused, nothing recorded, when that one holds on', async () => {
    const letGo = await holding('select from message_log for update')
    const impatient = postgresEventStore({ pool, timeoutMs: 500, maxTries: 2, firstRetryMs: 1 })
    await impatient.find('a')
    await expect(impatient.append([appendOf(STREAM, ['late'])])).rejects.toMatchObject({
      code: 'store_unavailable',
      message: 'PostgreSQL: no answer to append_message_events within 500 ms, 2 times',
    })
    const patient = store.append([appendOf(STREAM, ['patient'])])
    await letGo()
    expect(await patient).toMatchObject([{ status: 'recorded' }])
    await impatient.close()
    // The calls that were given up may have gone through in the end: then once.
    const keys = (await collect()).map(({ idempotencyKey }) => idempotencyKey)
    expect(keys.filter((key) => key === 'late').length).toBeLessThanOrEqual(1)
  })

  it('gives a connection back that came too late', async () => {
    const single = new pg.Pool({ connectionString: url, max: 1 })
    const taken = await single.connect()
    const impatient = postgresEventStore({ pool: single, timeoutMs: 30, maxTries: 1 })
    await expect(impatient.find('a')).rejects.toMatchObject({ code: 'store_unavailable' })
    taken.release()
    expect(await postgresEventStore({ pool: single }).find('a')).toBeUndefined()
    await single.end()
  })

  it('refuses to append where a snapshot could be older than the lock', async () => {
    const strict = new pg.Pool({ connectionString: url, options: '-c default_transaction_isolation=repeatable\\ read' })
    const store = postgresEventStore({ pool: strict })
    await expect(store.append([appendOf(STREAM, ['a'])])).rejects.toMatchObject({
      code: 'store_misconfigured',
      message: expect.stringContaining('expected isolation level read committed, got repeatable read'),
    })
    expect((await store.check()).map(({ problem }) => problem)).toContainEqual(expect.stringContaining('appends are refused'))
    await strict.end()
  })

  it('syncs what it acknowledges, also where the role does not', async () => {
    const client = new pg.Client({ connectionString: url, options: '-c synchronous_commit=off' })
    await client.connect()
    await client.query('begin')
    await client.query(appendSql(appendOf(STREAM, ['a'])))
    expect((await client.query('show synchronous_commit')).rows).toEqual([{ synchronous_commit: 'on' }])
    await client.query('commit')
    expect((await client.query('show synchronous_commit')).rows).toEqual([{ synchronous_commit: 'off' }])
    await client.end()
  })

  it('gives times in UTC, whatever the time zone and date style of the session', async () => {
    const abroad = new pg.Pool({ connectionString: url, options: '-c timezone=Asia/Kolkata -c datestyle=German' })
    const before = Date.now()
    const there = postgresEventStore({ pool: abroad })
    const [result] = await there.append([appendOf(STREAM, ['a'])])
    await abroad.end()
    const [event] = await collect()
    expect(result).toMatchObject({ events: [{ event }] })
    expect(Math.abs(Date.parse(event?.recordedAt as string) - before)).toBeLessThan(60_000)
    expect((await onServer(url, "select occurred_at = '2026-01-06T10:00:00Z' as same from message_events")).rows).toEqual([{ same: true }])
  })

  it('tells a poison event apart from an outage, without its content', async () => {
    const tooLong = { ...aMessage('x'), idempotencyKey: Array.from({ length: 3000 }, () => Math.random().toString(36)[3] ?? 'q').join('') }
    await expect(store.append([{ streamId: STREAM, events: [tooLong] }])).rejects.toMatchObject({
      code: 'event_invalid',
      message: 'PostgreSQL: 54000: the table cannot hold a value of the event',
    })
    for (const bad of [{ channel: undefined }, { schemaVersion: 99 }, { data: { text: 1n } }]) {
      const event = { ...aMessage('x'), ...bad } as never
      await expect(store.append([{ streamId: STREAM, events: [event] }])).rejects.toMatchObject({ code: 'event_invalid' })
    }
    expect(await collect()).toEqual([])
  })

  it('says store_corrupt when somebody wrote beside its functions', async () => {
    await onServer(
      url,
      `insert into message_event_places values (1, 'k', '${STREAM}', 1, gen_random_uuid(), now()), (2, 'l', '${STREAM}', 3, gen_random_uuid(), now());
       insert into message_events select 3, 's', 1, 'm', 'e', 't', 'sms', 'p', null, null, null, null, null, null, null, now(), now(), 1, '{}'`,
    )
    await expect(store.append([appendOf('other', ['z'])])).rejects.toMatchObject({ code: 'store_corrupt' })
  })

  it('is as away as its server is', async () => {
    const nobody = createServer().listen(0, '127.0.0.1')
    await once(nobody, 'listening')
    const { port } = nobody.address() as { port: number }
    nobody.close()
    await once(nobody, 'close')
    const away = new pg.Pool({ connectionString: `postgres://someone:a-password@127.0.0.1:${port}/none` })
    const store = postgresEventStore({ pool: away, firstRetryMs: 1 })
    await expect(store.append([appendOf(STREAM, ['a'])])).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/^PostgreSQL: cannot be reached \(.*ECONNREFUSED.*\), 3 times$/),
    })
    const [problem] = await store.check()
    expect(JSON.stringify(problem)).not.toContain('a-password')
    await away.end()
  })

  describe('wakeUp', () => {
    const waitFor = (after?: string) => {
      const stop = new AbortController()
      return { stop, woken: store.wakeUp({ ...(after === undefined ? {} : { after }), signal: stop.signal }) }
    }

    it('wakes with the append of any process, and not for what was read already', async () => {
      await waitFor().woken
      const [result] = await store.append([appendOf(STREAM, ['a'])])
      const after = result?.status === 'recorded' ? (result.events[0]?.event.position as string) : ''
      const { stop, woken } = waitFor(after)
      let awake = false
      void woken.then(() => {
        awake = true
      })
      await onServer(url, `select pg_notify('message_events', '${after}')`)
      await store.find('a')
      expect(awake).toBe(false)
      await onServer(url, appendSql(appendOf(STREAM, ['b'])))
      await woken
      stop.abort()
    })

    it('fails with its connection and opens another one', async () => {
      await waitFor().woken
      const { woken } = waitFor('999999999999')
      const failed = expect(woken).rejects.toThrow()
      await onServer(url, "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen message_events'")
      await failed
      await waitFor().woken
    })

    it('lets go with the signal and with close(), and leaves no listening connection in the pool', async () => {
      await waitFor().woken
      const first = waitFor('999999999999')
      first.stop.abort()
      await first.woken
      const second = waitFor('999999999999')
      const failed = expect(second.woken).rejects.toMatchObject({ code: 'store_closed' })
      await store.close()
      await failed
      await expect(waitFor().woken).rejects.toMatchObject({ code: 'store_closed' })
      await expect.poll(() => pool.totalCount).toBe(0)
    })

    it('brings an event to a consumer long before its poll', async () => {
      const handled: string[] = []
      const consumer = runConsumer({
        id: 'quick',
        store,
        checkpoints: memoryCheckpointStore(),
        handle: ({ idempotencyKey }) => void handled.push(idempotencyKey),
        pollMs: 60_000,
        wakeUp: store.wakeUp,
      })
      await onServer(url, appendSql(appendOf(STREAM, ['b'])))
      await expect.poll(() => handled).toEqual(['b'])
      await onServer(url, appendSql(appendOf(STREAM, ['c'])))
      await expect.poll(() => handled).toEqual(['b', 'c'])
      await consumer.stop()
    })
  })
})

describe('postgresEventStore', () => {
  it('refuses what is no pool', () => {
    expect(() => postgresEventStore({} as never)).toThrow(CommsError)
  })
})
