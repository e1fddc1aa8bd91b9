import { feedOfLog } from '../consumers/log-feed.ts'
import { memoryCheckpointStore } from '../consumers/memory-checkpoint-store.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { backOffMs } from '../pause.ts'
import { LogMinutes } from './log-minutes.ts'
import type { OutboxRuntime } from './outbox-log.ts'

const CHECKPOINT_ID = 'outbox'
const SAVE_EVERY_MS = 5_000
const RETRY = { firstMs: 200, maxMs: 10_000 }

export interface OutboxFeedOptions extends OutboxRuntime {
  /** How far back attempts count against the limits of the transports, in milliseconds. */
  readonly memoryMs: number
  readonly signal: AbortSignal
  /** Resolves when the log may hold more. */
  readonly wakeUp: (signal: AbortSignal) => Promise<void>
  /** What the log tells, in its order, with the position of the event before. */
  readonly onEvent: (event: RecordedEvent, before: Position | undefined) => void
  /** The log was read to its end. */
  readonly onCaughtUp: () => void
  /** The place in the log before which all is done with; `read`, how far it was read, when all is. */
  readonly settledBefore: (read: Position | undefined) => Position | undefined
}

/**
 * Reads the log for the outbox, from the checkpoint on until the signal is aborted. The checkpoint stays before the oldest message that is
 * not done with, and before the attempts that still count against a limit: all that matters is read again at the next start.
 */
export async function feedOutbox(options: OutboxFeedOptions): Promise<void> {
  const { store, checkpoints = memoryCheckpointStore(), clock, logger, pollMs = 1_000, sleep, random, signal, memoryMs } = options
  const minutes = new LogMinutes()
  const retry = async (what: string, error: unknown, tries: number) => {
    logger.warn(`Outbox: ${what}, trying again`, { error: text(error) })
    await sleep(backOffMs(tries, RETRY, random), signal)
  }
  const load = async (): Promise<Position | undefined> => {
    for (let tries = 1; !signal.aborted; tries += 1) {
      try {
        return await checkpoints.load(CHECKPOINT_ID)
      } catch (error) {
        await retry('the checkpoint cannot be loaded', error, tries)
      }
    }
    return undefined
  }
  const after = await load()
  let position = after
  let saved = after
  const save = async () => {
    const places = [options.settledBefore(position), memoryMs > 0 ? minutes.before(clock.now() - memoryMs) : position]
    if (places.includes(undefined)) return
    const [mark] = (places as Position[]).sort()
    if (mark === undefined || mark === saved) return
    await checkpoints.save(CHECKPOINT_ID, mark)
    saved = mark
  }
  let savedAt = clock.now()
  const events = feedOfLog({
    store,
    after,
    pollMs,
    sleep,
    signal,
    wakeUp: (round) => options.wakeUp(round.signal),
    onCaughtUp: async () => {
      options.onCaughtUp()
      if (clock.now() - savedAt < SAVE_EVERY_MS) return
      savedAt = clock.now()
      await save().catch((error) => logger.warn('Outbox: the checkpoint cannot be saved', { error: text(error) }))
    },
    onReadFailed: (error, tries) => retry('the log cannot be read', error, tries),
  })
  for await (const event of events) {
    if (memoryMs > 0) minutes.mark(event)
    options.onEvent(event, position)
    position = event.position
  }
  await save().catch(() => undefined)
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
