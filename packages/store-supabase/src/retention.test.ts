import { aMessage, appendOf } from '@pipe-comms/core/conformance'
import pg from 'pg'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type PostgresEventStore, postgresEventStore } from './index.ts'
import { describeWithPostgres, freshDatabase, onServer } from './testing/database.ts'

const STREAM = 'whatsapp:+33639980001'

describeWithPostgres('growth', () => {
  let url: string
  let pool: pg.Pool
  let store: PostgresEventStore
  beforeEach(async () => {
    url = await freshDatabase()
    // Ten events a partition: made when the first was left out for tests alone.
    await onServer(
      url,
      `alter table message_events detach partition message_events_from_1; drop table message_events_from_1;
       update message_log set partition_size = 10, partitioned_to = 1; select add_message_events_partition()`,
    )
    pool = new pg.Pool({ connectionString: url })
    store = postgresEventStore({ pool })
  })
  afterEach(async () => {
    await store.close()
    await pool.end()
  })

  const partitions = async () =>
    (
      await onServer(
        url,
        "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'message_events'::regclass order by inhrelid",
      )
    ).rows.map(({ name }) => name)
  const keys = async (from: AsyncIterable<{ idempotencyKey: string }>) => {
    const found: string[] = []
    for await (const { idempotencyKey } of from) found.push(idempotencyKey)
    return found
  }
  const fill = async (count: number) => {
    for (let index = 1; index <= count; index += 1) await store.append([appendOf(STREAM, [`k${index}`])])
  }

  it('makes the next partition half a partition ahead, closed to everybody, also for a batch larger than one', async () => {
    await fill(5)
    expect(await partitions()).toEqual(['message_events_from_1'])
    await fill(7)
    expect(await partitions()).toEqual(['message_events_from_1', 'message_events_from_11'])
    await store.append([{ streamId: STREAM, events: Array.from({ length: 40 }, (_, index) => aMessage(`large-${index}`)) }])
    expect(await partitions()).toEqual([1, 11, 21, 31, 41, 51].map((from) => `message_events_from_${from}`))
    expect(await keys(store.readAll())).toHaveLength(47)
    expect((await store.check()).filter(({ problem }) => !problem.includes('fsync'))).toEqual([])
    await expect(onServer(url, 'delete from message_events_from_11')).rejects.toThrow('append-only')
    await expect(onServer(url, 'set role anon; select * from message_events_from_11')).rejects.toThrow('permission denied')
  })

  it('detaches only whole partitions that are old enough, and never the one that is written to', async () => {
    await fill(25)
    const detach = async (before: string) =>
      (await onServer(url, `select detach_message_events_before('${before}') as name`)).rows.map(({ name }) => name)
    expect(await detach('2020-01-01')).toEqual([])
    expect(await detach('2999-01-01')).toEqual(['public.message_events_from_1', 'public.message_events_from_11'])
    expect(await detach('2999-01-01')).toEqual([])
    // Still there, still closed: to be dumped and dropped.
    expect((await onServer(url, 'select count(*)::integer as n from message_events_from_1')).rows).toEqual([{ n: 10 }])
    await expect(onServer(url, 'delete from message_events_from_1')).rejects.toThrow('append-only')
  })

  it('keeps keys known, and versions and positions going on, after old events are gone', async () => {
    await fill(25)
    const [old] = await store.append([appendOf(STREAM, ['k3'])])
    await onServer(url, "select detach_message_events_before('2999-01-01'); drop table message_events_from_1, message_events_from_11")

    expect(await keys(store.readAll())).toEqual(['k21', 'k22', 'k23', 'k24', 'k25'])
    expect(await keys(store.readStream(STREAM))).toEqual(['k21', 'k22', 'k23', 'k24', 'k25'])
    const log = (await store.find('k21'))?.position.split('.')[0]
    expect(await keys(store.readAll({ after: `${log}.000000000003` }))).toEqual(['k21', 'k22', 'k23', 'k24', 'k25'])
    expect(await store.find('k3')).toBeUndefined()
    const place = old?.status === 'recorded' ? old.events[0]?.event : undefined
    const [again] = await store.append([{ streamId: 'another', events: [aMessage('k3')] }])
    expect(again).toMatchObject({
      status: 'recorded',
      version: 0,
      events: [{ repeated: true, event: { position: place?.position, version: 3, streamId: STREAM, recordedAt: place?.recordedAt } }],
    })
    expect(await store.append([appendOf(STREAM, ['new'], 25)])).toMatchObject([
      { version: 26, events: [{ event: { position: expect.stringMatching(/^\w{8}\.000000000026$/) } }] },
    ])
  })

  it('goes on with versions and positions when everything that was written is gone', async () => {
    await fill(10)
    await onServer(url, "select detach_message_events_before('2999-01-01'); drop table if exists message_events_from_1")
    expect(await store.append([appendOf(STREAM, ['new'], 10)])).toMatchObject([
      { version: 11, events: [{ event: { position: expect.stringMatching(/^\w{8}\.000000000011$/) } }] },
    ])
  })

  it('looks into one partition for a page, and by index into all for a key', async () => {
    await fill(60)
    const { rows } = await onServer(url, 'explain select * from message_events where event_position > 50 order by event_position limit 5')
    const plan = rows.map((row) => Object.values(row)[0]).join('\n')
    expect(plan).toContain('message_events_from_51')
    expect(plan).not.toContain('message_events_from_1 ')
    expect(plan).not.toContain('Sort')
  })
})
