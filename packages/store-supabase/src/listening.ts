import { CommsError, type Logger, type WakeUp } from '@pipe-comms/core'
import type { PostgresClient, PostgresPool } from './options.ts'
import { WaitingReaders } from './waiting-readers.ts'

const CHANNEL = 'message_events'

/** One connection that listens for appends (https://www.postgresql.org/docs/15/sql-notify.html), opened by the first who waits. */
export class Listening {
  readonly #pool: PostgresPool
  readonly #logger: Logger
  readonly #readers = new WaitingReaders()
  #opening: Promise<void> | undefined
  #letGo: (() => void) | undefined
  #closed = false

  constructor(pool: PostgresPool, logger: Logger) {
    this.#pool = pool
    this.#logger = logger
  }

  /** Rejects when the connection fails; the next call opens another. */
  readonly wakeUp: WakeUp = async (waiting) => {
    if (this.#closed) throw new CommsError('store_closed', 'The store in PostgreSQL was closed')
    const woken = this.#readers.wait(waiting)
    this.#opening ??= this.#open()
    await woken
  }

  close(): void {
    this.#closed = true
    this.#lose(new CommsError('store_closed', 'The store in PostgreSQL was closed'))
  }

  async #open(): Promise<void> {
    let client: PostgresClient
    try {
      client = await this.#pool.connect()
    } catch (error) {
      return this.#lose(error as Error)
    }
    const onLost = (error?: Error) => this.#lose(error ?? new Error('The connection that listens was ended'))
    const onNotification = ({ channel, payload }: { channel: string; payload?: string | undefined }) => {
      if (channel === CHANNEL) this.#readers.wake(payload || undefined)
    }
    client.on('error', onLost)
    client.on('end', onLost)
    client.on('notification', onNotification)
    this.#letGo = () => {
      client.removeListener('notification', onNotification)
      client.removeListener('end', onLost)
      client.removeListener('error', onLost)
      // Not back into the pool: it would go on listening.
      client.release(true)
    }
    if (this.#closed) return this.#lose(new Error('closed'))
    try {
      await client.query({ text: `listen ${CHANNEL}` })
      // What was recorded while this was on its way was not told.
      this.#readers.wake()
    } catch (error) {
      this.#lose(error as Error)
    }
  }

  #lose(error: Error): void {
    const letGo = this.#letGo
    this.#letGo = undefined
    this.#opening = undefined
    letGo?.()
    if (!this.#closed) this.#logger.warn('PostgreSQL: the connection that listens was lost; consumers poll', { reason: error.message })
    this.#readers.fail(error)
  }
}
