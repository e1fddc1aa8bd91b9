import type { Sleep } from '../pause.ts'
import type { Logger } from '../runtime.ts'

/** Time enough for a program that records messages while it starts up. */
const START_EXPECTED_MS = 10_000

/** Notices a `start()` that was forgotten. */
export interface StartWatch {
  started(): boolean
  /** A message was accepted. Logs a warning, once, when `start()` does not follow within 10 seconds. */
  accepted(messageId: string): void
  start(): void
  /** Warns no more. */
  end(): void
}

export function watchForStart(logger: Logger, sleep: Sleep): StartWatch {
  const over = new AbortController()
  let started = false
  let waiting = false
  return {
    started: () => started,
    accepted(messageId) {
      if (waiting || over.signal.aborted) return
      waiting = true
      void sleep(START_EXPECTED_MS, over.signal).then(() => {
        if (over.signal.aborted) return
        logger.warn(
          `Outbox: ${messageId} and later messages wait: comms.start() was not called. Call it here, or in another process on this log`,
        )
      })
    },
    start() {
      started = true
      over.abort()
    },
    end() {
      over.abort()
    },
  }
}
