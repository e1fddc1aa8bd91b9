import type { EventStore } from '../store/event-store.ts'
import { type Projected, type Projection, project } from './projection.ts'

/**
 * A read model of this process's own, in memory: each call reads what was recorded since the one before. The first one reads the whole
 * log. Calls at the same time share one reading where they can; none sees less than what was recorded before it.
 */
export function liveProjection<State>(store: EventStore, projection: Projection<State>): () => Promise<State> {
  let projected: Projected<State> = { state: projection.initial(), events: 0 }
  let last: Promise<unknown> = Promise.resolve()
  let next: Promise<State> | undefined

  const readOn = async () => {
    next = undefined
    const { position } = projected
    try {
      projected = await project(store.readAll(position === undefined ? {} : { after: position }), projection, { from: projected })
    } catch (error) {
      // What was folded in before it broke cannot be told from what was not.
      projected = { state: projection.initial(), events: 0 }
      throw error
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
