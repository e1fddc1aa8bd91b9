import { createClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWithPostgres, freshDatabase, onServer } from './testing/database.ts'
import { type RestGateway, startRestGateway } from './testing/rest-gateway.ts'

// The gateway stands in for Supabase in the tests of this package, so its answers are held against those on record:
// https://docs.postgrest.org/en/v14/references/errors.html and https://supabase.com/docs/guides/api/rest/postgrest-error-codes
describeWithPostgres('the gateway of the tests answers as Supabase does', () => {
  let url: string
  let gateway: RestGateway

  beforeAll(async () => {
    url = await freshDatabase({ schema: false })
    await onServer(
      url,
      `create table public.projects (id integer constraint projects_pkey primary key, title text);
       create function public.insert_project(id integer, title text) returns json language sql as
         $$ insert into public.projects values (id, title) returning to_json(id) $$;
       create function public.wrong_column() returns json language plpgsql as $$ begin perform some_table.fake_col from public.projects some_table; end $$;
       create function public.refuse(code text) returns json language plpgsql as
         $$ begin raise exception 'Wrong expected version: 2 (Stream: lead-1, Stream Version: 3)' using errcode = code; end $$;
       create function public.slow() returns json language sql as $$ select to_json(pg_sleep(10)::text) $$;
       create function public.many() returns setof integer language sql as $$ select generate_series(1, 1500) $$;
       create function public.as_one() returns json language sql as $$ select json_agg(n) from generate_series(1, 1500) n $$;
       create function public.nothing() returns json language sql as $$ select null::json $$;
       create function public.large() returns bigint language sql as $$ select 9007199254740993 $$;
       create function public.whoami() returns json language sql as $$ select json_build_object('role', current_user, 'isolation', current_setting('transaction_isolation')) $$;
       create function public.closed() returns json language sql as $$ select '1'::json $$;
       revoke execute on function public.closed from public, anon;`,
    )
    gateway = await startRestGateway(url, { statementTimeout: '200ms' })
  })
  afterAll(() => gateway?.close())

  const call = async (name: string, body: object = {}, headers: Record<string, string> = {}) => {
    const response = await fetch(`${gateway.url}/rest/v1/rpc/${name}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { apikey: gateway.keys.serviceRole, 'content-type': 'application/json', ...headers },
    })
    return { status: response.status, body: await response.json() }
  }

  it('a unique violation is 409 with the key in details', async () => {
    await call('insert_project', { id: 1, title: 'foo' })
    expect(await call('insert_project', { id: 1, title: 'bar' })).toEqual({
      status: 409,
      body: {
        code: '23505',
        details: 'Key (id)=(1) already exists.',
        hint: null,
        message: 'duplicate key value violates unique constraint "projects_pkey"',
      },
    })
  })

  it('a missing value is 400', async () => {
    expect(await call('insert_project', { id: null, title: 'foo' })).toEqual({
      status: 400,
      body: {
        code: '23502',
        details: 'Failing row contains (null, foo).',
        hint: null,
        message: 'null value in column "id" of relation "projects" violates not-null constraint',
      },
    })
  })

  it('an unknown column is 400', async () => {
    expect(await call('wrong_column')).toMatchObject({
      status: 400,
      body: { code: '42703', details: null, message: 'column some_table.fake_col does not exist' },
    })
  })

  it.each([
    ['P0001', 400],
    ['40001', 500],
    ['40P01', 500],
    ['55P03', 500],
    ['57014', 500],
    ['53300', 503],
    ['25006', 405],
    ['42883', 404],
    ['42501', 403],
    ['08006', 503],
    ['PC001', 400],
    ['PT409', 409],
  ])('SQLSTATE %s is HTTP %i', async (code, status) => {
    const answer = await call('refuse', { code })
    expect(answer).toEqual({
      status,
      body: { code, details: null, hint: null, message: 'Wrong expected version: 2 (Stream: lead-1, Stream Version: 3)' },
    })
  })

  it('a function that is not in the cache is 404 with PGRST202, also with the wrong arguments, and until the cache is loaded again', async () => {
    expect(await call('append_events', { p_stream: 's', p_events: [] })).toEqual({
      status: 404,
      body: {
        code: 'PGRST202',
        details:
          'Searched for the function public.append_events with parameters p_events, p_stream, but no matches were found in the schema cache.',
        hint: null,
        message: 'Could not find the function public.append_events(p_events, p_stream) in the schema cache',
      },
    })
    expect(await call('insert_project', { id: 2, name: 'x' })).toMatchObject({ status: 404, body: { code: 'PGRST202' } })
    await onServer(url, `create function public.later() returns json language sql as $$ select '1'::json $$`)
    expect((await call('later')).status).toBe(404)
    await gateway.reload()
    expect((await call('later')).status).toBe(200)
  })

  it('a schema that is not exposed is 406', async () => {
    expect(await call('large', {}, { 'content-profile': 'private' })).toMatchObject({ status: 406, body: { code: 'PGRST106' } })
  })

  it('a wrong key is 401 without a code, a missing one too', async () => {
    expect(await call('large', {}, { apikey: 'wrong' })).toEqual({
      status: 401,
      body: { message: 'Invalid API key', hint: 'Double check your Supabase `anon` or `service_role` API key.' },
    })
    expect((await call('large', {}, { apikey: '' })).status).toBe(401)
  })

  it.each([
    ['anon', 'anon'],
    ['authenticated', 'authenticated'],
    ['serviceRole', 'service_role'],
    ['secret', 'service_role'],
    ['publishable', 'anon'],
  ] as const)('the %s key is the role %s, in one transaction at read committed', async (key, role) => {
    expect(await call('whoami', {}, { apikey: gateway.keys[key] })).toEqual({ status: 200, body: { role, isolation: 'read committed' } })
  })

  it('a function that is closed to the role is 401 for anon, 403 for others', async () => {
    await onServer(url, 'revoke execute on function public.closed from authenticated')
    expect(await call('closed', {}, { apikey: gateway.keys.anon })).toMatchObject({ status: 401, body: { code: '42501' } })
    expect(await call('closed', {}, { apikey: gateway.keys.authenticated })).toMatchObject({ status: 403, body: { code: '42501' } })
  })

  it('a statement that takes too long is 500 with 57014', async () => {
    expect(await call('slow')).toMatchObject({
      status: 500,
      body: { code: '57014', message: 'canceling statement due to statement timeout' },
    })
  })

  it('rows are cut at 1000 in silence, one JSON value is not', async () => {
    expect(await call('many')).toMatchObject({ status: 200, body: { length: 1000 } })
    expect(await call('as_one')).toMatchObject({ status: 200, body: { length: 1500 } })
  })

  it('a bigint is a JSON number, which JavaScript rounds', async () => {
    expect((await call('large')).body).toBe(9007199254740992)
  })

  it('the client takes an empty 404 for success, and sends key and profile as on record', async () => {
    const client = createClient(`${gateway.url}/wrong`, gateway.keys.secret, { auth: { persistSession: false } })
    const { data, error, status } = await client.rpc('large', { a: 1n })
    expect([data, error, status]).toEqual([null, null, 204])
    expect(gateway.last).toMatchObject({
      path: '/wrong/rest/v1/rpc/large',
      body: '{"a":"1"}',
      headers: {
        apikey: gateway.keys.secret,
        authorization: `Bearer ${gateway.keys.secret}`,
        'content-profile': 'public',
        'content-type': 'application/json',
      },
    })
  })
})
