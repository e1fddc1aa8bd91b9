import { CommsError, isCommsError } from '../errors.ts'
import type { EventFact, NewEvent } from '../events/message-event.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import type { Sleep } from '../pause.ts'
import type { Clock, IdSource } from '../runtime.ts'
import type { AppendRequest, EventStore } from '../store/event-store.ts'
import type { Arrivals } from './arrivals.ts'
import { attachReports, pointersAfter } from './attach-reports.ts'
import { quarantineFact } from './quarantine.ts'
import type { Transport } from './transport.ts'
import type { WebhookRequest } from './webhook-request.ts'

/** Where the facts of webhooks and inboxes go. */
export interface IngestOptions {
  readonly arrivals: Arrivals
  /** Where the message that a report is about is looked up. */
  readonly store: EventStore
  /** @default a timer */
  readonly sleep?: Sleep
  readonly clock: Clock
  readonly ids: IdSource
  /** Puts on events what is known of their contacts, within a time of its own. Never throws. */
  readonly enrich?: (events: readonly NewEvent[]) => Promise<readonly NewEvent[]>
}

/** What became of what a provider said. When it is there, it is durable. */
export interface Ingested {
  readonly outcome: 'recorded' | 'repeated' | 'empty' | 'quarantined' | 'spooled'
  /** What the log now holds of it, repeats included. */
  readonly events: readonly { readonly event: RecordedEvent; readonly repeated: boolean }[]
  /** Why, unless it was recorded. Holds no secret and no body. */
  readonly reason?: string
}

type Parse = (request: WebhookRequest) => readonly EventFact[] | Promise<readonly EventFact[]>

/**
 * Records what a verified request says; raw, in quarantine, when it is not understood; in the spool while the store is away
 * or does not answer in time.
 * @throws CommsError `store_unavailable`, `store_overloaded` and the like when it could be kept nowhere.
 */
export async function ingest(transport: Transport, request: WebhookRequest, parse: Parse, options: IngestOptions): Promise<Ingested> {
  const quarantine = async (reason: string): Promise<Ingested> => {
    const event = createEvent(await quarantineFact(transport, request, reason), options)
    const kept = await record([event], options)
    if (kept.outcome === 'spooled') return kept
    return { ...kept, outcome: kept.outcome === 'repeated' ? 'repeated' : 'quarantined', reason }
  }
  let parsed: readonly NewEvent[]
  try {
    parsed = (await parse(request)).map((fact) => createEvent(fact, options))
  } catch (error) {
    return quarantine(error instanceof Error ? error.message : String(error))
  }
  if (parsed.length === 0) return { outcome: 'empty', events: [] }
  const { events, reports } = await attachReports(parsed, transport.account, options)
  parsed = options.enrich ? await options.enrich(events) : events
  try {
    const ingested = await record(parsed, options)
    const streams = new Map(ingested.events.map(({ event }) => [event.idempotencyKey, event.streamId]))
    const pointers = await pointersAfter(reports, streams, options)
    if (pointers.length > 0) await options.arrivals.keep(appendRequests(pointers))
    return ingested
  } catch (error) {
    // An event that can never be stored would come again for ever and block those behind it.
    if (isCommsError(error, 'event_invalid')) return quarantine(error.message)
    throw error
  }
}

/** One request a stream: what concerns one contact is recorded whole or not at all. */
export function appendRequests(events: readonly NewEvent[]): AppendRequest[] {
  const streams = new Map<string, NewEvent[]>()
  for (const event of events) {
    const streamId = streamIdOf(event)
    const stream = streams.get(streamId)
    if (stream) stream.push(event)
    else streams.set(streamId, [event])
  }
  return [...streams].map(([streamId, streamEvents]) => ({ streamId, events: streamEvents }))
}

/** Into the log, or, while the store is away, into the spool. */
async function record(parsed: readonly NewEvent[], { arrivals }: IngestOptions): Promise<Ingested> {
  const kept = await arrivals.keep(appendRequests(parsed))
  if (kept.in === 'spool') return { outcome: 'spooled', events: [], reason: kept.reason }
  const events = kept.results.flatMap((result) => {
    if (result.status === 'recorded') return result.events
    throw new CommsError('store_unavailable', 'The store answered a conflict to an append without expectedVersion')
  })
  return { outcome: events.every(({ repeated }) => repeated) ? 'repeated' : 'recorded', events }
}
