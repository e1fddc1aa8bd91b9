import { z } from 'zod'
import { callback, checkOf, filledText, isObject, kindOf, optionsObject, type Shape, signalOption, wholeNumber } from '../check-options.ts'
import { CommsError } from '../errors.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { logIdOf } from '../store/log-identity.ts'

/**
 * A read model as a fold over the log. The state is plain JSON, so that it can be saved beside a checkpoint and folded on later: folding
 * the whole log gives the same state as folding its first part, keeping the state as JSON, and folding the rest.
 */
export interface Projection<State> {
  /** Under which its state and checkpoint are kept. */
  readonly name: string
  /** The state of an empty log, new at each call. */
  initial(): State
  /**
   * The state after this event. Depends on its two arguments alone, reads no clock, and never changes the event. The state given is
   * spent: fold may build the new one in it, for copying a read model of a hundred thousand messages at every event would make a
   * rebuild quadratic. Who needs the old state copies it before. Leaves the state as it is for an event of a type it does not know, such as
   * `event.unreadable`.
   */
  fold(state: State, event: RecordedEvent): State
}

/** A state and how far the log was read for it. Plain JSON when the state is. */
export interface Projected<State> {
  readonly state: State
  /** Of the last event folded in; absent when there was none. */
  readonly position?: Position
  /** How many events were folded in. */
  readonly events: number
}

export interface ProjectionProgress {
  readonly events: number
  readonly position: Position
}

export interface ProjectOptions<State> {
  /** Where an earlier projection ended; it is spent, see {@link Projection.fold}. Give events after its position. Left out: from `initial()`. */
  readonly from?: Projected<State>
  /** Told every `progressEvery` events and once at the end. */
  readonly onProgress?: (progress: ProjectionProgress) => void
  /** Events between two calls of `onProgress`. Ten thousand are a fraction of a second. @default 10000 */
  readonly progressEvery?: number
  readonly signal?: AbortSignal
}

const optionsShape: Shape<ProjectOptions<unknown>> = {
  from: z.looseObject({ events: wholeNumber(0) }, { error: ({ input }) => `expected what project gave, got ${kindOf(input)}` }).optional(),
  onProgress: callback.optional(),
  progressEvery: wholeNumber(1).optional(),
  signal: signalOption.optional(),
}
const projectionSchema = z.looseObject(
  { name: filledText('a name'), initial: callback, fold: callback },
  { error: ({ input }) => `expected a Projection, got ${kindOf(input)}` },
)
const eventsSchema = z.custom((given) => isObject(given) && (Symbol.asyncIterator in given || Symbol.iterator in given), {
  error: ({ input }) => `expected events, such as store.readAll() gives them, got ${kindOf(input)}`,
})
const checkProject = checkOf(
  'project',
  z.object({ events: eventsSchema, projection: projectionSchema, options: optionsObject(optionsShape) }),
)

/**
 * Folds events into a read model: the rebuild of a projection.
 * @throws the signal's reason when it is aborted, and what the events throw; CommsError `configuration_invalid` for a wrong option,
 * `position_invalid` when `from` is a state of another log than the events: start again without it.
 * @example
 * const { state } = await project(store.readAll(), deliveryStatus, { onProgress: ({ events }) => console.log(`${events} events`) })
 */
export async function project<State>(
  events: AsyncIterable<RecordedEvent>,
  projection: Projection<State>,
  options: ProjectOptions<State> = {},
): Promise<Projected<State>> {
  checkProject({ events, projection, options })
  const { from, onProgress, progressEvery = 10_000, signal } = options
  let state = from ? from.state : projection.initial()
  let position = from?.position
  let count = from?.events ?? 0
  const begun = count
  let told = count
  signal?.throwIfAborted()
  for await (const event of events) {
    signal?.throwIfAborted()
    if (count === begun) checkSameLog(from?.position, event.position, projection.name)
    state = projection.fold(state, event)
    position = event.position
    count += 1
    if (count - told >= progressEvery) {
      told = count
      onProgress?.({ events: count, position })
    }
  }
  if (position === undefined) return { state, events: count }
  if (count > told) onProgress?.({ events: count, position })
  return { state, position, events: count }
}

/** A position begins with the name of its log. */
function checkSameLog(from: Position | undefined, position: Position, name: string): void {
  const [known, log] = [logIdOf(from), logIdOf(position)]
  if (known === undefined || log === undefined || known === log) return
  throw new CommsError('position_invalid', `project: the state of ${name} is of log ${known}, and the events are of log ${log}`)
}
