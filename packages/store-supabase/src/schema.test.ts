import { PGlite } from '@electric-sql/pglite'
import { appendOf } from '@pipe-comms/core/conformance'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appendSql } from './testing/append-sql.ts'
import { schemaFiles } from './testing/create-log.ts'
import { SUPABASE_ROLES } from './testing/database.ts'

// In PGlite (PostgreSQL 18 in WebAssembly, one session), so that these run on any machine. roles.test.ts asks a real server.
describe('the schema', () => {
  let db: PGlite
  beforeAll(async () => {
    db = await PGlite.create()
    await db.exec(SUPABASE_ROLES)
    for (const sql of schemaFiles) await db.exec(sql)
    await db.query(appendSql(appendOf('whatsapp:+33639980001', ['a', 'b'])))
  })
  afterAll(() => db.close())

  /** The catalog's view of all that is ours. */
  const catalog = async () => {
    const { rows } = await db.query(`
      select 'column' as kind, table_name || '.' || column_name as name, data_type as what from information_schema.columns where table_schema = 'public'
      union all select 'index', indexname, indexdef from pg_indexes where schemaname = 'public'
      union all select 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '') from pg_proc p where p.pronamespace = 'public'::regnamespace
      union all select 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
      union all select 'table', oid::regclass::text, relrowsecurity::text || coalesce(relacl::text, '') from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      union all select 'version', 'schema', schema_version::text from message_log
      order by 1, 2`)
    return rows
  }
  const problems = async (): Promise<{ problem: string }[]> => {
    const { rows } = await db.query<{ health: { problems: { problem: string }[] } }>('select public.check_message_events() as health')
    return (rows[0]?.health.problems ?? []).filter(({ problem }) => !problem.includes('fsync'))
  }

  it('may be made again, whole or from its beginning, and changes nothing', async () => {
    const before = await catalog()
    for (const sql of [...schemaFiles, schemaFiles[0] as string]) await db.exec(sql)
    expect(await catalog()).toEqual(before)
    expect(await problems()).toEqual([])
    expect((await db.query('select event_position from message_events order by 1')).rows).toHaveLength(2)
  })

  it('uses no reserved word as a name', async () => {
    const { rows } = await db.query(`
      select c.column_name from information_schema.columns c join pg_get_keywords() k on k.word = c.column_name
       where c.table_schema = 'public' and k.catcode in ('R', 'T')`)
    expect(rows).toEqual([])
  })

  it.each([
    ['UPDATE', "update message_events set event = '{}'"],
    ['DELETE', 'delete from message_events where event_position = 1'],
    ['TRUNCATE', 'truncate message_events'],
    ['UPDATE of a partition', "update message_events_from_1 set event = '{}'"],
    ['DELETE from a partition', 'delete from message_events_from_1'],
    ['TRUNCATE of a partition', 'truncate message_events_from_1'],
    ['UPDATE of places', "update message_event_places set idempotency_key = 'x'"],
    ['DELETE of places', 'delete from message_event_places'],
    ['TRUNCATE of places', 'truncate message_event_places'],
    [
      'INSERT ON CONFLICT DO UPDATE',
      "insert into message_event_places select * from message_event_places on conflict (event_position) do update set idempotency_key = 'x'",
    ],
    ['MERGE', "merge into message_events m using (select 1) s on m.event_position = 1 when matched then update set event = '{}'"],
  ])('refuses %s even to the owner and superuser', async (_, sql) => {
    await expect(db.query(sql)).rejects.toThrow(/is append-only: (UPDATE|DELETE|TRUNCATE) refused/)
    expect((await db.query("select count(*)::integer as n from message_events where event <> '{}'")).rows).toEqual([{ n: 2 }])
  })

  it.each([
    ['a disabled trigger', 'alter table message_events_from_1 disable trigger refuse_change', /message_events_from_1 can be changed/],
    [
      'row-level security off',
      'alter table message_event_places disable row level security',
      /Row-level security is off for public\.message_event_places/,
    ],
    ['a table open to anon', 'grant select on message_events to anon', /Too many privileges: anon \(SELECT on public\.message_events\)/],
    ['a partition open to everybody', 'grant select on message_events_from_1 to public', /Too many privileges: public/],
    [
      'DELETE for service_role',
      'grant delete on message_events to service_role',
      /Too many privileges: service_role \(DELETE on public\.message_events\)/,
    ],
    ['a function open to anon', 'grant execute on function append_message_events to anon', /EXECUTE on append_message_events/],
    ['another isolation', "set default_transaction_isolation = 'serializable'", /appends are refused/],
  ])('the check finds %s, and running the SQL again mends the schema', async (_, sql, problem) => {
    await db.exec(sql)
    expect((await problems()).map((found) => found.problem)).toEqual([expect.stringMatching(problem)])
    await db.exec("set default_transaction_isolation = 'read committed'; alter table message_events_from_1 enable trigger refuse_change")
    await db.exec(schemaFiles[0] as string)
    expect(await problems()).toEqual([])
  })
})
