import type { IdSource, Logger } from '@pipe-comms/core'

/** What both stores take beside their connection. */
export interface DatabaseStoreOptions {
  /**
   * Longest wait for one answer of the database, in milliseconds. Then the outcome is unknown and the call is made again, which is safe:
   * the database knows a call it has carried out. Longer than the 4 seconds an append waits there for other writers. @default 6000
   */
  readonly timeoutMs?: number
  /**
   * How often a call is made before it is refused with `store_unavailable`. Only calls that may pass a moment later are made again. With a
   * spool behind the store, few tries keep webhooks quick. @default 3
   */
  readonly maxTries?: number
  /** Wait before the second try, in milliseconds; it doubles each time, with jitter. @default 100 */
  readonly firstRetryMs?: number
  /** Told of calls that are made again and of connections that were lost. @default silent */
  readonly logger?: Logger
  /** Names each append, so that one made again is known. Must give UUIDs. @default UUIDv7 */
  readonly ids?: IdSource
  /** Waits this many milliseconds. @default a timer */
  readonly sleep?: (ms: number) => Promise<unknown>
  /** A number from 0 up to 1, for the jitter of the waits. @default Math.random */
  readonly random?: () => number
}

export interface SupabaseEventStoreOptions extends DatabaseStoreOptions {
  /**
   * A client with the key of the backend (`sb_secret_…` or `service_role`), made for servers:
   * `createClient(url, key, { auth: { persistSession: false, autoRefreshToken: false } })`. With `db.schema` left at `public`.
   */
  readonly client: SupabaseRpc
}

/** As much of a SupabaseClient as the store calls. */
export interface SupabaseRpc {
  // biome-ignore lint/suspicious/noExplicitAny: a client that knows its schema takes the names of its functions only
  rpc(name: any, args?: any): any
}

export interface PostgresEventStoreOptions extends DatabaseStoreOptions {
  /** A Pool of pg (https://node-postgres.com/apis/pool). Stays yours: close it after the store. */
  readonly pool: PostgresPool
}

/** As much of pg's Pool as the store uses. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** As much of pg's PoolClient as the store uses. */
export interface PostgresClient {
  query(query: { name?: string; text: string; values?: unknown[] }): Promise<{ rows: unknown[] }>
  on(event: 'error' | 'end', listener: (error: Error) => void): unknown
  on(event: 'notification', listener: (message: { channel: string; payload?: string | undefined }) => void): unknown
  // biome-ignore lint/suspicious/noExplicitAny: pg types the listeners of all events as one
  removeListener(event: 'error' | 'end' | 'notification', listener: (...given: any[]) => void): unknown
  release(destroy?: boolean | Error): void
}
