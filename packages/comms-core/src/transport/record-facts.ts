import { isObject } from '../check-options.ts'
import { isCommsError } from '../errors.ts'
import type { EventFact, NewEvent } from '../events/message-event.ts'
import { createEvent } from '../events/recorded-event.ts'
import type { Logger } from '../runtime.ts'
import { appendRequests, type IngestOptions } from './ingest.ts'

export interface RecordOptions {
  /** How the facts came to us, for their `source.via`. @default what the fact says, otherwise `api` */
  readonly via?: 'webhook' | 'poll' | 'api' | 'import'
  readonly signal?: AbortSignal
}

/** What became of facts that were recorded. */
export interface RecordReport {
  /** New in the log. */
  readonly recorded: number
  /** In the log already, under the same `idempotencyKey`. */
  readonly repeated: number
  /** Facts that can never be recorded, the first hundred of them. The others were recorded all the same. */
  readonly refused: readonly RefusedFact[]
  /** How many facts were refused. */
  readonly refusedCount: number
}

export interface RefusedFact {
  /** Place among the facts given, from 0. */
  readonly index: number
  readonly idempotencyKey?: string
  /** Holds no secret and no body. */
  readonly reason: string
}

export type RecordContext = Pick<IngestOptions, 'store' | 'clock' | 'ids' | 'enrich'> & { readonly logger: Logger }

const MAX_BATCH = 100
const MAX_REFUSED = 100

/**
 * Records facts that transports gave, in their order. A fact that breaks the schema is set aside and reported. When the facts end with
 * an error, those before it are recorded, and the error is thrown.
 * @throws CommsError `store_unavailable` and the like; what the facts throw; the signal's reason when it is aborted. Call it again with
 * the same facts then: those that are in the log are not recorded again.
 */
export async function recordFacts(
  facts: Iterable<EventFact> | AsyncIterable<EventFact>,
  { via, signal }: RecordOptions,
  context: RecordContext,
): Promise<RecordReport> {
  const report = { recorded: 0, repeated: 0, refused: [] as RefusedFact[], refusedCount: 0 }
  const refuse = (index: number, key: unknown, error: unknown) => {
    report.refusedCount += 1
    if (report.refused.length >= MAX_REFUSED) return
    const reason = error instanceof Error ? error.message : String(error)
    report.refused.push({ index, ...(typeof key === 'string' ? { idempotencyKey: key } : {}), reason })
  }
  const append = async (batch: readonly Numbered[]) => {
    const results = await context.store.append(appendRequests(batch.map(({ event }) => event)))
    for (const result of results) {
      if (result.status !== 'recorded') continue
      for (const { repeated } of result.events) report[repeated ? 'repeated' : 'recorded'] += 1
    }
  }
  let batch: Numbered[] = []
  const flush = async () => {
    const taken = batch
    batch = []
    if (taken.length === 0) return
    const events = taken.map(({ event }) => event)
    const enriched = context.enrich ? await context.enrich(events) : events
    const numbered = taken.map(({ index }, place) => ({ index, event: enriched[place] as NewEvent }))
    try {
      await append(numbered)
    } catch (error) {
      if (!isCommsError(error, 'event_invalid')) throw error
      // One that can never be stored is among them: the others are found one by one.
      for (const one of numbered) {
        try {
          await append([one])
        } catch (refusal) {
          if (!isCommsError(refusal, 'event_invalid')) throw refusal
          refuse(one.index, one.event.idempotencyKey, refusal)
        }
      }
    }
  }

  let index = 0
  try {
    for await (const fact of facts) {
      signal?.throwIfAborted()
      try {
        batch.push({ index, event: createEvent(withSource(fact, via), context) })
      } catch (error) {
        refuse(index, (fact as Partial<EventFact> | undefined)?.idempotencyKey, error)
      }
      index += 1
      if (batch.length >= MAX_BATCH) await flush()
    }
  } finally {
    if (!signal?.aborted) await flush()
  }
  if (report.refusedCount > 0) {
    context.logger.warn('Facts that can never be recorded were set aside', { count: report.refusedCount, first: report.refused[0]?.reason })
  }
  return report
}

interface Numbered {
  readonly index: number
  readonly event: NewEvent
}

function withSource(fact: EventFact, via: RecordOptions['via']): EventFact {
  // What is no fact is refused as it is.
  if (!isObject(fact) || (via === undefined && fact.source)) return fact
  return { ...fact, source: { ...fact.source, via: via ?? 'api' } }
}
