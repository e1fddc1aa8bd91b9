import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { NO_LONGER_NEEDED, type Sleep } from '../pause.ts'
import type { EventStore } from '../store/event-store.ts'

/**
 * Resolves when the log may hold more behind `after`; early is allowed, but not at once every time. Called before each read, so that
 * nothing recorded during the read is missed. Must let go when the signal is aborted. A rejection means: no wake-up this time.
 */
export type WakeUp = (waiting: { readonly after?: Position; readonly signal: AbortSignal }) => Promise<void>

interface LogFeedOptions {
  readonly store: EventStore
  readonly after: Position | undefined
  readonly pollMs: number
  readonly wakeUp: WakeUp | undefined
  readonly sleep: Sleep
  /** Ends the feed. */
  readonly signal: AbortSignal
  /** The log was read to its end. The feed waits for this first. */
  readonly onCaughtUp: () => Promise<void>
  /**
   * A read failed, for this many times in a row. Waits before the next try, or throws to end the feed. When it
   * resolves with `'restart'`, the next try reads from the beginning.
   */
  readonly onReadFailed: (error: unknown, tries: number) => Promise<unknown>
}

/** The log behind a position, and what is recorded later, for ever: reads to the end, waits, reads on. */
export async function* feedOfLog(options: LogFeedOptions): AsyncGenerator<RecordedEvent, void> {
  const { store, pollMs, wakeUp, sleep, signal } = options
  let { after } = options
  let tries = 0
  while (!signal.aborted) {
    const place = after === undefined ? {} : { after }
    const round = new AbortController()
    const endRound = () => round.abort(NO_LONGER_NEEDED)
    signal.addEventListener('abort', endRound)
    try {
      const woken = wakeUp && settled(wakeUp, { ...place, signal: round.signal })
      try {
        for await (const event of store.readAll({ ...place, signal })) {
          if (signal.aborted) return
          yield event
          after = event.position
          tries = 0
        }
      } catch (error) {
        if (signal.aborted) return
        tries += 1
        if ((await options.onReadFailed(error, tries)) === 'restart') after = undefined
        continue
      }
      tries = 0
      await options.onCaughtUp()
      const slept = sleep(pollMs, round.signal)
      await (woken ? Promise.race([slept, woken]) : slept)
    } finally {
      signal.removeEventListener('abort', endRound)
      round.abort(NO_LONGER_NEEDED)
    }
  }
}

/** Never rejects: without a wake-up the poll goes on alone. */
async function settled(wakeUp: WakeUp, waiting: Parameters<WakeUp>[0]): Promise<void> {
  try {
    await wakeUp(waiting)
  } catch {
    await new Promise<never>(() => {})
  }
}
