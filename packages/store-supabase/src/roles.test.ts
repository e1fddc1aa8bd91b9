import { appendOf } from '@pipe-comms/core/conformance'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { appendSql } from './testing/append-sql.ts'
import { describeWithPostgres, freshDatabase, onServer } from './testing/database.ts'

const TABLES = ['message_events', 'message_events_from_1', 'message_event_places', 'message_log', 'consumer_checkpoints']
const OWNER_FUNCTIONS = [
  'add_message_events_partition()',
  "detach_message_events_before('2030-01-01')",
  "close_message_log_table('message_events')",
]
const FUNCTIONS = [
  "append_message_events('', '{}', '{}', '{}', '{}', gen_random_uuid())",
  "find_message_event('a')",
  'read_message_events(null, 10, 1000)',
  "read_message_stream('s', 1, 10, 1000)",
  "save_message_checkpoint('c', '1')",
  "load_message_checkpoint('c')",
  'check_message_events()',
]

describeWithPostgres('the roles of the API', () => {
  let url: string
  let client: pg.Client
  beforeAll(async () => {
    url = await freshDatabase()
    await onServer(url, appendSql(appendOf('s', ['a'])))
    client = new pg.Client({ connectionString: url })
    await client.connect()
  })
  afterAll(() => client?.end())

  /** The SQLSTATE of a refusal, or the rows. */
  const as = async (role: string, sql: string) => {
    await client.query('begin')
    try {
      await client.query(`set local role ${role}`)
      return (await client.query(sql)).rows
    } catch (error) {
      return (error as pg.DatabaseError).code
    } finally {
      await client.query('rollback')
    }
  }

  it.each(['anon', 'authenticated', 'service_role', 'authenticator'])('%s may not INSERT, UPDATE, DELETE or TRUNCATE', async (role) => {
    for (const table of TABLES) {
      for (const sql of [
        `insert into ${table} select * from ${table}`,
        `update ${table} set ${column(table)} = ${column(table)}`,
        `delete from ${table}`,
        `truncate ${table}`,
      ]) {
        expect([sql, await as(role, sql)]).toEqual([sql, '42501'])
      }
    }
    for (const call of OWNER_FUNCTIONS) expect([call, await as(role, `select ${call}`)]).toEqual([call, '42501'])
  })

  it.each(['anon', 'authenticated', 'authenticator'])('%s reads nothing and calls nothing', async (role) => {
    for (const table of TABLES) expect([table, await as(role, `select * from ${table}`)]).toEqual([table, '42501'])
    for (const call of FUNCTIONS) expect([call, await as(role, `select ${call}`)]).toEqual([call, '42501'])
  })

  it('row-level security hides everything from anon even when somebody grants it the table', async () => {
    await onServer(url, 'grant select on message_events, message_events_from_1 to anon')
    expect(await as('anon', 'select * from message_events')).toEqual([])
    expect(await as('anon', 'select * from message_events_from_1')).toEqual([])
    await onServer(url, 'revoke select on message_events, message_events_from_1 from anon')
  })

  it('service_role reads the tables and calls the functions', async () => {
    expect(await as('service_role', 'select event_position from message_events')).toHaveLength(1)
    for (const call of FUNCTIONS) expect(await as('service_role', `select count(*) from ${call}`)).toHaveLength(1)
  })

  it('a function runs nothing that its caller put into the search path', async () => {
    await onServer(
      url,
      `create schema evil; grant usage on schema evil to service_role;
       create function evil.clock_timestamp() returns timestamptz language plpgsql as $$ begin raise exception 'evil'; end $$;
       create function evil.lpad(text, integer, text) returns text language plpgsql as $$ begin raise exception 'evil'; end $$;`,
    )
    await client.query('set search_path = evil, pg_catalog, public')
    for (const call of FUNCTIONS) expect(await as('service_role', `select count(*) from public.${call}`)).toHaveLength(1)
    await client.query('reset search_path')
  })
})

function column(table: string): string {
  return table === 'message_log' ? 'schema_version' : table === 'consumer_checkpoints' ? 'saved_at' : 'recorded_at'
}
