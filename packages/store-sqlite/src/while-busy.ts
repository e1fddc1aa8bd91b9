import { setTimeout as sleep } from 'node:timers/promises'
import { isBusy } from './database-error.ts'

/** Long enough to outlast another process's checkpoint on a slow disk, short enough for a webhook's answer in time. */
const PATIENCE_MS = 5_000
/** Uneven, so that processes that wait for each other do not keep step. */
const PAUSE_MS = { least: 1, most: 10 }

/**
 * Runs again what another connection's lock stopped, until it passes or the patience ends; then the last error stands.
 * SQLite's own busy handler slows down to a try every 100 ms (https://www.sqlite.org/c3ref/busy_timeout.html), by which a writer at
 * full speed in another process would lock this one out; tries that stay close together get their turn.
 */
export async function whileBusy<Result>(run: () => Result, patienceMs = PATIENCE_MS): Promise<Result> {
  const until = performance.now() + patienceMs
  for (;;) {
    try {
      return run()
    } catch (error) {
      if (!isBusy(error) || performance.now() >= until) throw error
    }
    await sleep(PAUSE_MS.least + Math.random() * (PAUSE_MS.most - PAUSE_MS.least))
  }
}
