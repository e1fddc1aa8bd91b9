import { isCommsError } from '../errors.ts'
import { timerSleep } from '../pause.ts'
import type { Logger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import type { Spool } from '../store/spool.ts'

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 30_000

export interface SpoolDrainer {
  /** Something waits in the spool: drain it soon. Any number of calls is one drain. */
  wake(): void
  /** Ends the drain under way after the append it is at. */
  stop(): Promise<void>
}

/** Empties the spool into the store whenever something waits, more and more patiently while the store stays away. */
export function spoolDrainer(options: { spool: Spool; store: EventStore; logger: Logger; firstWaitMs?: number }): SpoolDrainer {
  const { spool, store, logger, firstWaitMs = FIRST_WAIT_MS } = options
  const stopping = new AbortController()
  let running: Promise<void> | undefined

  const drainUntilEmpty = async () => {
    for (let waitMs = firstWaitMs; !stopping.signal.aborted && (await spool.size()) > 0; ) {
      await timerSleep(waitMs, stopping.signal)
      if (stopping.signal.aborted) return
      const { recorded, left, setAside, unavailable } = await spool.drain(store, { signal: stopping.signal })
      if (recorded > 0) logger.info(`Spool: ${recorded} events recorded, ${left} still wait`)
      for (const where of setAside) logger.error(`Spool: refused by the store and set aside: ${where}`)
      waitMs = unavailable || left > 0 ? Math.min(waitMs * 2, LONGEST_WAIT_MS) : firstWaitMs
    }
  }
  const run = async () => {
    try {
      await drainUntilEmpty()
    } catch (error) {
      if (!stopping.signal.aborted) logger.error('Spool: draining failed', { error: isCommsError(error) ? error.message : String(error) })
    }
    running = undefined
  }

  return {
    wake() {
      if (!stopping.signal.aborted) running ??= run()
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}
