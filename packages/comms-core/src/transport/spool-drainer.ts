import { timerSleep } from '../pause.ts'
import type { Logger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import type { DrainReport, Spool } from '../store/spool.ts'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5_000

export interface SpoolDrainer {
  /** From now on looks every few seconds, for what instances that are gone left. */
  start(): void
  /** Something waits in the spool: drain it soon. Any number of calls is one drain. */
  wake(): void
  /** Ends the drain under way after the append it is at. */
  stop(): Promise<void>
}

/** Empties the spool into the store whenever something waits, more and more patiently while the store stays away. */
export function spoolDrainer(options: {
  readonly spool: Spool
  readonly store: EventStore
  readonly logger: Logger
  /** Called when nothing waits any more, before the drainer rests. */
  readonly onEmpty?: () => Promise<void>
  readonly firstWaitMs?: number
  readonly longestWaitMs?: number
}): SpoolDrainer {
  const { spool, store, logger, onEmpty, firstWaitMs = FIRST_WAIT_MS, longestWaitMs = LONGEST_WAIT_MS } = options
  const stopping = new AbortController()
  let isStarted = false
  let isWoken = false
  let running: Promise<void> | undefined
  let endRest = () => {}

  const drain = async (): Promise<Pick<DrainReport, 'left' | 'unavailable'>> => {
    try {
      const report = await spool.drain(store, { signal: stopping.signal })
      const { recorded, left, setAside } = report
      if (recorded > 0) logger.info(`Spool: ${recorded} events recorded, ${left} webhooks still wait`)
      for (const where of setAside) logger.error(`Spool: refused by the store or damaged, and set aside: ${where}`)
      return report
    } catch (error) {
      if (!stopping.signal.aborted) {
        logger.error('Spool: draining failed', { error: error instanceof Error ? error.message : String(error) })
      }
      return { left: 1 }
    }
  }
  const rest = async () => {
    const resting = new AbortController()
    endRest = () => resting.abort()
    if (stopping.signal.aborted || isWoken) return
    stopping.signal.addEventListener('abort', endRest)
    await timerSleep(longestWaitMs, resting.signal)
    stopping.signal.removeEventListener('abort', endRest)
  }
  const run = async () => {
    let waitMs = firstWaitMs
    while (!stopping.signal.aborted) {
      isWoken = false
      const { left, unavailable } = await drain()
      if (left > 0) {
        await timerSleep(unavailable?.retryAfterMs ?? waitMs, stopping.signal)
        waitMs = Math.min(waitMs * 2, longestWaitMs)
        continue
      }
      await onEmpty?.()
      waitMs = firstWaitMs
      if (isStarted) await rest()
      else if (!isWoken) break
    }
    running = undefined
  }

  return {
    start() {
      isStarted = true
      this.wake()
    },
    wake() {
      isWoken = true
      endRest()
      if (!stopping.signal.aborted) running ??= run()
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}
