import { CommsError, silentLogger, type WakeUp } from '@pipe-comms/core'
import { checkOptions, type DatabaseEventStore, EventStoreOverCalls } from './database-event-store.ts'
import { Listening } from './listening.ts'
import type { PostgresEventStoreOptions } from './options.ts'
import { postgresCalls } from './postgres-calls.ts'

/** A {@link DatabaseEventStore} with a wake-up for consumers. */
export interface PostgresEventStore extends DatabaseEventStore {
  /**
   * For `runConsumer`: LISTEN on a connection of the pool, taken by the first call and given back by `close()`. Where a pooler in
   * transaction mode stands between, no notification comes and the consumer polls.
   */
  readonly wakeUp: WakeUp
}

/**
 * The event log in a PostgreSQL database of your own, version 14 or later, table `message_events`, through the functions of
 * create-message-events-table.sql. The same log as `supabaseEventStore` has, and the same promises.
 *
 * The pool stays yours. Nothing is asked of the database here: `check()` says whether it is set up.
 * @example
 * const store = postgresEventStore({ pool: new Pool({ connectionString }) })
 * @throws CommsError `configuration_invalid`
 */
export function postgresEventStore(options: PostgresEventStoreOptions): PostgresEventStore {
  if (typeof options?.pool?.connect !== 'function' || typeof options.pool.on !== 'function') {
    throw new CommsError('configuration_invalid', 'postgresEventStore: pool: expected a Pool of pg')
  }
  checkOptions('postgresEventStore', options)
  return new StoreOverPool(options)
}

class StoreOverPool extends EventStoreOverCalls implements PostgresEventStore {
  readonly wakeUp: WakeUp
  readonly #listening: Listening

  constructor(options: PostgresEventStoreOptions) {
    super(postgresCalls(options.pool, options.logger), options)
    this.#listening = new Listening(options.pool, options.logger ?? silentLogger)
    this.wakeUp = (waiting) => this.#listening.wakeUp(waiting)
  }

  override close(): Promise<void> {
    this.#listening.close()
    return super.close()
  }
}
