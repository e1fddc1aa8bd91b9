// For tests only: the part of Supabase's HTTP API that the store uses, in front of a real PostgreSQL. It does what the gateway and
// PostgREST do (https://docs.postgrest.org/en/v14/references/api/functions.html): keys become roles, a call is one transaction under that
// role with its statement timeout, arguments choose the function by name, set-returning functions are cut at 1000 rows, and errors have
// PostgREST's bodies and statuses. rest-gateway.test.ts holds its answers against recorded ones.
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import pg from 'pg'

const JWT_SECRET = 'a-secret-of-the-gateway-for-tests-only'
const MAX_ROWS = 1000
const SCHEMAS = ['public']
/** https://supabase.com/docs/guides/database/postgres/timeouts; service_role has the authenticator's. */
const STATEMENT_TIMEOUTS: Readonly<Record<string, string>> = { anon: '3s', authenticated: '8s', service_role: '8s' }

/** What stands between the client and the database, to be broken by a test. */
interface Fault {
  /** Instead of any answer of PostgREST. */
  readonly answer?: { readonly status: number; readonly body: string; readonly contentType?: string }
  /** The call is carried out, and its answer never sent. */
  readonly loseAnswer?: boolean
  /** The connection is cut before anything is done. */
  readonly cut?: boolean
}

export interface RestGateway {
  readonly url: string
  readonly keys: {
    readonly anon: string
    readonly authenticated: string
    readonly serviceRole: string
    readonly secret: string
    readonly publishable: string
  }
  /** Asked before each call; gives what is to go wrong. */
  fault: ((functionName: string) => Fault | undefined) | undefined
  /** The headers and the raw body of the last call. */
  last: { readonly headers: IncomingMessage['headers']; readonly body: string; readonly path: string } | undefined
  /** As after NOTIFY pgrst, 'reload schema'. */
  reload(): Promise<void>
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

interface SchemaFunction {
  readonly returnsSet: boolean
  readonly parameters: readonly { readonly name: string; readonly type: string; readonly optional: boolean }[]
}

export async function startRestGateway(
  databaseUrl: string,
  { statementTimeout, maxRows = MAX_ROWS }: { statementTimeout?: string; maxRows?: number } = {},
): Promise<RestGateway> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 20 })
  pool.on('error', () => {})
  const cache = new Map<string, SchemaFunction[]>()
  const reload = async () => {
    cache.clear()
    for (const row of (await pool.query(FUNCTIONS)).rows as ({ name: string } & SchemaFunction)[]) {
      cache.set(row.name, [...(cache.get(row.name) ?? []), row])
    }
  }
  await reload()

  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString('utf8')
    const path = request.url ?? ''
    gateway.last = { headers: request.headers, body, path }
    const name = /^\/rest\/v1\/rpc\/([^/?]+)$/.exec(path)?.[1]
    const fault = name === undefined ? undefined : gateway.fault?.(name)
    if (fault?.cut) return request.socket.destroy()
    if (fault?.answer) {
      response.writeHead(fault.answer.status, { 'content-type': fault.answer.contentType ?? 'text/html' })
      return response.end(fault.answer.body)
    }
    // A proxy that knows no such path answers with nothing.
    if (name === undefined) return response.writeHead(404).end()
    const answer = await call(name, request, body)
    if (fault?.loseAnswer) return request.socket.destroy()
    const text = JSON.stringify(answer.body)
    response.writeHead(answer.status, { 'content-type': 'application/json; charset=utf-8' })
    return response.end(text)
  }

  const call = async (name: string, request: IncomingMessage, body: string): Promise<Answer> => {
    const role = roleOf(request.headers)
    if (typeof role !== 'string') return role
    const schema = String(request.headers['content-profile'] ?? 'public')
    if (!SCHEMAS.includes(schema)) {
      const message = `The schema must be one of the following: ${SCHEMAS.join(', ')}`
      return { status: 406, body: { code: 'PGRST106', details: null, hint: null, message } }
    }
    let values: Record<string, unknown>
    try {
      values = JSON.parse(body || '{}')
    } catch {
      return { status: 400, body: { code: 'PGRST102', details: null, hint: null, message: 'Empty or invalid json' } }
    }
    const names = Object.keys(values).sort()
    const found = cache.get(name)?.find(({ parameters }) => fits(parameters, names))
    if (!found) return notInCache(schema, name, names)
    return run(schema, name, found, body || '{}', role)
  }

  const run = async (
    schema: string,
    name: string,
    { returnsSet, parameters }: SchemaFunction,
    body: string,
    role: string,
  ): Promise<Answer> => {
    let client: pg.PoolClient
    try {
      client = await pool.connect()
    } catch (error) {
      const message = 'Database connection error. Retrying the connection.'
      return { status: 503, body: { code: 'PGRST000', details: String((error as Error).message), hint: null, message } }
    }
    let broken = false
    const onError = () => {
      broken = true
    }
    client.on('error', onError)
    try {
      const given = parameters.filter((parameter) => parameter.name in (JSON.parse(body) as object))
      const record = given.map((parameter) => `"${parameter.name}" ${parameter.type}`).join(', ')
      const passed = given.map((parameter) => `"${parameter.name}" => args."${parameter.name}"`).join(', ')
      const from = given.length > 0 ? `json_to_record($1::json) as args (${record}), ` : ''
      const called = `${from}lateral "${schema}"."${name}"(${passed}) as answer`
      const sql = returnsSet
        ? `select coalesce(json_agg(answer), '[]')::text as body from (select answer from ${called} limit ${maxRows}) as cut`
        : `select to_json(answer)::text as body from ${called}`
      await client.query('begin isolation level read committed')
      await client.query(
        `select set_config('role', $1, true), set_config('statement_timeout', $2, true), set_config('request.jwt.claims', $3, true)`,
        [role, statementTimeout ?? STATEMENT_TIMEOUTS[role], JSON.stringify({ role })],
      )
      const { rows } = await client.query(sql, given.length > 0 ? [body] : [])
      await client.query('commit')
      return { status: 200, body: JSON.parse((rows[0] as { body: string | null }).body ?? 'null') }
    } catch (error) {
      await client.query('rollback').catch(() => {
        broken = true
      })
      return databaseError(error as pg.DatabaseError, role)
    } finally {
      client.removeListener('error', onError)
      client.release(broken)
    }
  }

  const server = createServer((request, response) => {
    respond(request, response).catch(() => response.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const gateway: RestGateway = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys: {
      anon: jwt('anon'),
      authenticated: jwt('authenticated'),
      serviceRole: jwt('service_role'),
      secret: 'sb_secret_invented_for_tests',
      publishable: 'sb_publishable_invented_for_tests',
    },
    fault: undefined,
    last: undefined,
    reload,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await pool.end()
    },
  }

  function roleOf(headers: IncomingMessage['headers']): string | Answer {
    const { keys } = gateway
    const apikey = String(headers.apikey ?? '')
    const known: Record<string, string> = { [keys.secret]: 'service_role', [keys.publishable]: 'anon' }
    if (apikey === '')
      return { status: 401, body: { message: 'No API key found in request', hint: 'No `apikey` request header or url param was found.' } }
    if (!(apikey in known) && !Object.values(keys).includes(apikey)) {
      return { status: 401, body: { message: 'Invalid API key', hint: 'Double check your Supabase `anon` or `service_role` API key.' } }
    }
    const bearer = /^Bearer (.+)$/.exec(String(headers.authorization ?? ''))?.[1] ?? apikey
    // The new keys are no JWTs; the gateway takes one as a bearer when it is the apikey too.
    if (bearer === apikey && apikey in known) return known[apikey] as string
    const [head, claims, signature] = bearer.split('.')
    if (sign(`${head}.${claims}`) !== signature) {
      return { status: 401, body: { code: 'PGRST301', details: null, hint: null, message: 'No suitable key or wrong key type' } }
    }
    return (JSON.parse(Buffer.from(claims as string, 'base64url').toString()) as { role: string }).role
  }
  return gateway
}

const FUNCTIONS = `
  select p.proname as name, p.proretset as "returnsSet",
         coalesce((select json_agg(json_build_object('name', p.proargnames[n], 'type', format_type(p.proargtypes[n - 1], null),
                                                     'optional', n > p.pronargs - p.pronargdefaults) order by n)
                     from generate_series(1, p.pronargs) as n), '[]'::json) as parameters
    from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'`

function fits(parameters: SchemaFunction['parameters'], names: readonly string[]): boolean {
  const required = parameters.filter(({ optional }) => !optional)
  return (
    required.every(({ name }) => names.includes(name)) && names.every((name) => parameters.some((parameter) => parameter.name === name))
  )
}

function notInCache(schema: string, name: string, names: readonly string[]): Answer {
  const parameters = names.length > 0 ? `(${names.join(', ')})` : ' without parameters'
  return {
    status: 404,
    body: {
      code: 'PGRST202',
      details: `Searched for the function ${schema}.${name} ${names.length > 0 ? `with parameters ${names.join(', ')}` : 'without parameters'}, but no matches were found in the schema cache.`,
      hint: null,
      message: `Could not find the function ${schema}.${name}${parameters} in the schema cache`,
    },
  }
}

/** https://docs.postgrest.org/en/v14/references/errors.html#status-codes */
const STATUSES: readonly (readonly [RegExp, number])[] = [
  [/^08/, 503],
  [/^09/, 500],
  [/^23503|^23505/, 409],
  [/^25006/, 405],
  [/^28/, 403],
  [/^40/, 500],
  [/^53400/, 500],
  [/^53/, 503],
  [/^54|^55|^57|^58/, 500],
  [/^P0001/, 400],
  [/^P0/, 500],
  [/^42883|^42P01/, 404],
  [/^42P17/, 500],
]

function databaseError({ code, detail, hint, message }: pg.DatabaseError, role: string): Answer {
  // Lost while it worked: PostgREST tells it as it tells a connection it cannot get.
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) {
    return {
      status: 503,
      body: { code: 'PGRST001', details: message, hint: null, message: 'Database client error. Retrying the connection.' },
    }
  }
  const own = /^PT(\d{3})$/.exec(code)?.[1]
  const status = own
    ? Number(own)
    : code === '42501'
      ? role === 'anon'
        ? 401
        : 403
      : (STATUSES.find(([pattern]) => pattern.test(code))?.[1] ?? 400)
  return { status, body: { code, details: detail ?? null, hint: hint ?? null, message } }
}

function jwt(role: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const content = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: 'supabase', role })}`
  return `${content}.${sign(content)}`
}

function sign(content: string): string {
  return createHmac('sha256', JWT_SECRET).update(content).digest('base64url')
}
