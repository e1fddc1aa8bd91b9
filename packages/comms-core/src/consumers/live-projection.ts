import { isCommsError } from '../errors.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { type Logger, silentLogger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { type Projected, type Projection, project } from './projection.ts'
import { unreadableNotice } from './unreadable-notice.ts'

/**
 * A read model of this process's own, in memory: each call reads what was recorded since the one before. The first one reads the whole
 * log, and so does the one that finds another log in the place of the one it knew. Calls at the same time share one reading where they
 * can; none sees less than what was recorded before it. A call rejects with what the store throws; the next one tries again.
 */
export function liveProjection<State>(
  store: EventStore,
  projection: Projection<State>,
  logger: Logger = silentLogger,
): () => Promise<State> {
  const notice = unreadableNotice(`Projection ${projection.name}`, logger)
  const empty = (): Projected<State> => ({ state: projection.initial(), events: 0 })
  let projected = empty()
  let last: Promise<unknown> = Promise.resolve()
  let next: Promise<State> | undefined

  async function* recordedSince(position: string | undefined): AsyncIterable<RecordedEvent> {
    for await (const event of store.readAll(position === undefined ? {} : { after: position })) {
      notice(event)
      yield event
    }
  }
  const readOn = async (): Promise<State> => {
    next = undefined
    const { position } = projected
    try {
      projected = await project(recordedSince(position), projection, { from: projected })
    } catch (error) {
      // What was folded in before it broke cannot be told from what was not.
      projected = empty()
      if (position === undefined || !isCommsError(error, 'position_invalid')) throw error
      logger.warn(`Projection ${projection.name}: the log is another one than before; reads it from the beginning`, {
        error: error.message,
      })
      projected = await project(recordedSince(undefined), projection)
    }
    return projected.state
  }
  return () => {
    if (!next) {
      next = last.then(readOn)
      last = next.catch(() => undefined)
    }
    return next
  }
}
