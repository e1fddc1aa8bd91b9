import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { describe, inject } from 'vitest'
import { schemaFiles } from './create-log.ts'

/** The roles of a Supabase project, and its habit to grant them all that is new in public. */
export const SUPABASE_ROLES = `
  do $$ begin
    create role anon nologin; create role authenticated nologin; create role service_role nologin bypassrls;
    create role authenticator login noinherit; grant anon, authenticated, service_role to authenticator;
  exception when duplicate_object then null; end $$;
  grant usage on schema public to anon, authenticated, service_role;
  alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public grant all on functions to anon, authenticated, service_role;`

const server = inject('postgres')

/** Tests that need the server of this run; skipped, with the reason in their name, where there is none. */
export const describeWithPostgres = (name: string, define: () => void) =>
  server ? describe(name, define) : describe.skip(`${name} (needs PostgreSQL: apt-get install postgresql)`, define)

let template: Promise<string> | undefined

/** A fresh database of the run's server with the log in it, gone with the server. @returns its URL */
export async function freshDatabase({ schema = true }: { schema?: boolean } = {}): Promise<string> {
  if (!schema) {
    const url = await makeDatabase('template1')
    await onServer(url, SUPABASE_ROLES)
    return url
  }
  template ??= freshDatabase({ schema: false }).then(async (url) => {
    for (const sql of schemaFiles) await onServer(url, sql)
    return new URL(url).pathname.slice(1)
  })
  return makeDatabase(await template)
}

async function makeDatabase(from: string): Promise<string> {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await onServer(`${server}/postgres`, `create database ${name} template ${from}`)
  return `${server}/${name}`
}

/** Makes the log of a database a new one; only the superuser of a test can. */
export async function emptyLog(url: string): Promise<void> {
  await onServer(
    url,
    `set session_replication_role = replica; truncate public.message_events, public.message_event_places, public.consumer_checkpoints;
     update public.message_log set log_id = translate(left(md5(random()::text), 8), '0189', 'wxyz')`,
  )
}

/** Runs SQL as the superuser on a connection of its own. */
export async function onServer(connectionString: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return await client.query(sql)
  } finally {
    await client.end()
  }
}
