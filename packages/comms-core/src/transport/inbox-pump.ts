import { isCommsError } from '../errors.ts'
import { backOffMs, type Sleep, timerSleep } from '../pause.ts'
import type { Logger } from '../runtime.ts'
import { type Ingested, type IngestOptions, ingest } from './ingest.ts'
import { POLLED } from './quarantine.ts'
import type { InboxReader, Transport } from './transport.ts'

export interface InboxPumpOptions extends IngestOptions {
  readonly transport: Transport
  readonly inbox: InboxReader
  readonly logger: Logger
  /** Told of every delivery after it is recorded. What it throws is logged and changes nothing. */
  readonly onDelivery?: (ingested: Ingested) => void
  /** @default a timer */
  readonly sleep?: Sleep
  /** @default Math.random */
  readonly random?: () => number
}

export interface InboxPump {
  /** Ends the wait or the delivery under way; nothing is acknowledged that is not durable. */
  stop(): Promise<void>
}

const BACK_OFF = { firstMs: 1_000, maxMs: 60_000 }

/**
 * Asks a provider for what came in, for as long as it runs: record, then acknowledge, then the next. While neither store nor spool
 * takes a delivery, it is not acknowledged and comes again.
 */
export function startInboxPump(options: InboxPumpOptions): InboxPump {
  const { transport, inbox, logger, sleep = timerSleep, random = Math.random } = options
  const stopping = new AbortController()
  const { signal } = stopping

  const step = async () => {
    const delivery = await inbox.receive({ signal })
    if (!delivery) return
    const { body, acknowledge } = delivery
    const request = { method: POLLED, url: INBOX_URL, headers: new Headers(), body }
    const ingested = await ingest(transport, request, () => inbox.parse(body), options)
    try {
      options.onDelivery?.(ingested)
    } catch (error) {
      logger.error('onDelivery threw', { error: text(error) })
    }
    await acknowledge.call(delivery)
  }
  const run = async () => {
    for (let failures = 0; !signal.aborted; ) {
      try {
        await step()
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        const waitMs = Math.max(backOffMs(failures, BACK_OFF, random), (isCommsError(error) && error.retryAfterMs) || 0)
        logger.warn(`${transport.id}: the inbox could not be read on, next try in ${waitMs} ms`, { error: text(error) })
        await sleep(waitMs, signal)
      }
    }
  }
  const running = run()

  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

const INBOX_URL = 'http://inbox.invalid/inbox'

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
