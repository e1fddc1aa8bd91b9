import { type Logger, silentLogger } from '@pipe-comms/core'
import { CallFailure, failureOfCode } from './call-failure.ts'
import { type Arguments, type DatabaseCalls, PAGES } from './database-calls.ts'
import { fromJsonb, isMarked } from './jsonb-text.ts'
import type { PostgresClient, PostgresPool } from './options.ts'

interface AnswerRow {
  readonly answer: string
}

const WHO = 'PostgreSQL'
/** invalid_sql_statement_name and duplicate_prepared_statement: nothing was carried out. */
const UNPREPARED = new Set(['26000', '42P05'])

/** The functions of the log through connections of a pool, one statement each: its own transaction. */
export function postgresCalls(pool: PostgresPool, logger: Logger = silentLogger): DatabaseCalls {
  // Without a listener, the loss of an idle connection would end the process (https://node-postgres.com/apis/pool#error).
  const onIdleError = (error: Error) => logger.warn(`${WHO}: an idle connection was lost`, { reason: error.message })
  pool.on('error', onIdleError)
  let prepared = true
  return {
    who: WHO,
    async call(name, values, signal) {
      let rows: readonly AnswerRow[]
      try {
        rows = await query(await connection(pool, signal), statement(name, values, prepared), signal)
      } catch (error) {
        if (prepared && UNPREPARED.has(sqlState(error) ?? '')) {
          prepared = false
          logger.warn(`${WHO}: statements are not prepared any more, for a pooler seems to stand between`, { function: name })
          return this.call(name, values, signal)
        }
        throw asFailure(error)
      }
      return PAGES.has(name) ? rows.map((row) => () => toValue(row)) : toValue(rows[0] as AnswerRow)
    },
    async serverVersion(signal) {
      try {
        const [row] = await query(await connection(pool, signal), { text: 'select version() as answer', values: [] }, signal)
        return String(row?.answer)
      } catch (error) {
        throw asFailure(error)
      }
    },
    close: () => void pool.removeListener('error', onIdleError),
  }
}

/**
 * A prepared statement is known to the server by its name: a tenth of what a lone append costs. A pooler in transaction mode gives each
 * statement to any of its sessions, so that a name is unknown to one and taken in another.
 */
function statement(name: string, values: Arguments, prepared: boolean): { name?: string; text: string; values: unknown[] } {
  const names = Object.keys(values).map((parameter, index) => `${parameter} => $${index + 1}`)
  const text = `select answer::text from public.${name}(${names.join(', ')}) as answer`
  return { ...(prepared ? { name: `${name}/${names.length}` } : {}), text, values: Object.values(values) }
}

function toValue({ answer }: AnswerRow): unknown {
  const value: unknown = JSON.parse(answer)
  return isMarked(answer) ? fromJsonb(value) : value
}

async function connection(pool: PostgresPool, signal: AbortSignal): Promise<PostgresClient> {
  const connecting = pool.connect()
  try {
    return await orAborted(connecting, signal)
  } catch (error) {
    // What comes after we have gone belongs to the next one.
    if (signal.aborted)
      void connecting.then(
        (client) => client.release(),
        () => {},
      )
    throw error
  }
}

async function query(
  client: PostgresClient,
  sql: { name?: string; text: string; values: unknown[] },
  signal: AbortSignal,
): Promise<AnswerRow[]> {
  let broken = false
  const onError = () => {
    broken = true
  }
  client.on('error', onError)
  try {
    const { rows } = await orAborted(client.query(sql), signal)
    return rows as AnswerRow[]
  } catch (error) {
    // After an error of the database itself a connection is as good as before; after any other, or in the middle of a call, it is not.
    if (signal.aborted || sqlState(error) === undefined) broken = true
    throw error
  } finally {
    client.removeListener('error', onError)
    client.release(broken)
  }
}

async function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
    aborted.catch(() => {})
    promise.catch(() => {})
  }
}

/** Five characters, unlike the codes of Node and of pg itself. */
function sqlState(error: unknown): string | undefined {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && 'severity' in (error as object) ? code : undefined
}

function asFailure(error: unknown): CallFailure {
  if (!(error instanceof Error)) return new CallFailure('store_unavailable', 'unknown error', { again: true })
  const state = sqlState(error)
  if (state !== undefined) return failureOfCode(state, error.message)
  const { code } = error as NodeJS.ErrnoException
  // A host with several addresses fails with one error for each.
  const reason = error instanceof AggregateError ? String((error.errors[0] as Error | undefined)?.message ?? code) : error.message
  const remedy = code === 'ENOTFOUND' ? 'Check the host of DATABASE_URL' : undefined
  return new CallFailure('store_unavailable', `cannot be reached (${reason})`, { remedy, again: true })
}
