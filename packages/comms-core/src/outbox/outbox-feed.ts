import type { CheckpointStore } from '../consumers/checkpoint-store.ts'
import { feedOfLog } from '../consumers/log-feed.ts'
import { memoryCheckpointStore } from '../consumers/memory-checkpoint-store.ts'
import { isCommsError } from '../errors.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { backOffMs } from '../pause.ts'
import type { FeedMonitor } from './feed-state.ts'
import { LogMinutes } from './log-minutes.ts'
import type { OutboxRuntime } from './outbox-log.ts'

const CHECKPOINT_ID = 'outbox'
const SAVE_EVERY_MS = 5_000
const RETRY = { firstMs: 200, maxMs: 10_000 }
/** A checkpoint only saves reading: after so many failures in a row the start goes on without it. */
const TRIES_TO_LOAD = 5

export interface OutboxFeedOptions extends OutboxRuntime {
  /** How far back attempts count against the limits of the transports, in milliseconds. */
  readonly memoryMs: number
  readonly signal: AbortSignal
  readonly monitor: FeedMonitor
  /** The log is read from this place on, or from its beginning. Comes again when the log turns out to be another one. */
  readonly onBegin: () => void
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
 * not done with, and before the attempts that still count against a limit: all that matters is read again at the next start. A position that
 * is not of this log is dropped, and the log is read from its beginning: the checkpoint only saves reading.
 */
export async function feedOutbox(options: OutboxFeedOptions): Promise<void> {
  const { signal, monitor } = options
  const checkpoints = options.checkpoints ?? memoryCheckpointStore()
  let drops = 0
  let after = await loadCheckpoint(checkpoints, options)
  while (!signal.aborted) {
    monitor.began()
    options.onBegin()
    try {
      await readOn(after, checkpoints, options)
    } catch (error) {
      if (!isCommsError(error, 'position_invalid') || signal.aborted) throw error
      monitor.droppedCheckpoint(error)
      after = undefined
      drops += 1
      await options.sleep(backOffMs(drops, RETRY, options.random), signal)
    }
  }
  monitor.stopped()
}

/** Reads from this place on until the signal is aborted. @throws CommsError `position_invalid` when the place is not of this log. */
async function readOn(after: Position | undefined, checkpoints: CheckpointStore, options: OutboxFeedOptions): Promise<void> {
  const { store, clock, logger, pollMs = 1_000, sleep, random, signal, memoryMs, monitor } = options
  const minutes = new LogMinutes()
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
  let savedAt = clock.monotonic()
  const events = feedOfLog({
    store,
    after,
    pollMs,
    sleep,
    signal,
    wakeUp: (round) => options.wakeUp(round.signal),
    onCaughtUp: async () => {
      monitor.caughtUp()
      options.onCaughtUp()
      if (clock.monotonic() - savedAt < SAVE_EVERY_MS) return
      savedAt = clock.monotonic()
      await save().catch((error) => logger.warn('Outbox: the checkpoint cannot be saved', { error: text(error) }))
    },
    onReadFailed: async (error, tries) => {
      if (isCommsError(error, 'position_invalid') && position !== undefined) throw error
      monitor.failed('the log cannot be read', error)
      await sleep(backOffMs(tries, RETRY, random), signal)
    },
  })
  for await (const event of events) {
    if (memoryMs > 0) minutes.mark(event)
    if (event.type === 'event.unreadable') monitor.passedOver(`${event.streamId} version ${event.version}: ${event.data.reason}`)
    else options.onEvent(event, position)
    position = event.position
  }
  await save().catch(() => undefined)
}

/** Where to read on; nothing to read from the beginning, also when the checkpoint cannot be loaded. */
async function loadCheckpoint(checkpoints: CheckpointStore, options: OutboxFeedOptions): Promise<Position | undefined> {
  const { sleep, random, signal, monitor } = options
  for (let tries = 1; !signal.aborted; tries += 1) {
    try {
      return await checkpoints.load(CHECKPOINT_ID)
    } catch (error) {
      if (tries === TRIES_TO_LOAD || !isCommsError(error, 'store_unavailable')) {
        monitor.droppedCheckpoint(error)
        return undefined
      }
      monitor.failed('the checkpoint cannot be loaded', error)
      await sleep(backOffMs(tries, RETRY, random), signal)
    }
  }
  return undefined
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
