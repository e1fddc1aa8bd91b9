import type { FallbackStep, MessageEventOf } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'

/** One try, as the log tells of it. */
export interface Attempt {
  readonly number: number
  readonly by: string
  readonly startedAt: number
  readonly deadline: number
  /** Since when its outcome is known to be unknown. */
  uncertainSince?: number
  /** It was certainly not sent; the next one may begin then. */
  deferredUntil?: number
}

/**
 * What the log says of one message that we were asked to send, as far as the sending of it goes on. Facts may be entered in any order and
 * repeatedly: the entry is the same. Times are milliseconds.
 */
export interface OutboxEntry {
  readonly request: MessageEventOf<'message.requested'> & { readonly streamId: string; readonly position: string }
  readonly requestedAt: number
  /** By number, from 1; numbers may be missing for a moment. */
  readonly attempts: Map<number, Attempt>
  /** Uncertainties and deferrals of attempts that were not heard of yet. */
  readonly early: Map<number, Pick<Attempt, 'uncertainSince' | 'deferredUntil'>>
  sentAt?: number
  delivered: boolean
  failed: boolean
}

export function newEntry(request: OutboxEntry['request']): OutboxEntry {
  return { request, requestedAt: Date.parse(request.occurredAt), attempts: new Map(), early: new Map(), delivered: false, failed: false }
}

/** Enters one event about the message. */
export function enterFact(entry: OutboxEntry, event: RecordedEvent): void {
  switch (event.type) {
    case 'message.attempted': {
      const { attempt: number, by, deadline } = event.data
      const known = entry.attempts.get(number) ?? entry.early.get(number)
      entry.attempts.set(number, {
        number,
        by,
        startedAt: Date.parse(event.occurredAt),
        deadline: Date.parse(deadline),
        ...laterFacts(known),
      })
      entry.early.delete(number)
      return
    }
    case 'message.uncertain':
      note(entry, event.data.attempt, { uncertainSince: Date.parse(event.occurredAt) })
      return
    case 'message.deferred': {
      const { attempt, until } = event.data
      // Without an attempt it is the provider that goes on trying, not we.
      if (attempt !== undefined) note(entry, attempt, { deferredUntil: Date.parse(until ?? event.occurredAt) })
      return
    }
    case 'message.sent':
      entry.sentAt = Math.min(entry.sentAt ?? Number.POSITIVE_INFINITY, Date.parse(event.occurredAt))
      return
    case 'message.delivered':
    case 'message.read':
      entry.delivered = true
      return
    case 'message.failed':
      entry.failed = true
      return
    default:
  }
}

/** The newest attempt, if any. */
export function lastAttempt({ attempts }: OutboxEntry): Attempt | undefined {
  return attempts.get(Math.max(0, ...attempts.keys()))
}

/** The steps of a request; each next message holds those after it. */
export function fallbackOf({ request }: OutboxEntry): FallbackStep | undefined {
  return request.data.fallback?.[0]
}

function note(entry: OutboxEntry, number: number, facts: Pick<Attempt, 'uncertainSince' | 'deferredUntil'>): void {
  const known = entry.attempts.get(number)
  if (known) Object.assign(known, facts)
  else entry.early.set(number, { ...entry.early.get(number), ...facts })
}

function laterFacts(known: Pick<Attempt, 'uncertainSince' | 'deferredUntil'> | undefined) {
  const { uncertainSince, deferredUntil } = known ?? {}
  return { ...(uncertainSince === undefined ? {} : { uncertainSince }), ...(deferredUntil === undefined ? {} : { deferredUntil }) }
}
