import type { ContactAddress } from '../events/contact-address.ts'
import type { MessageEventOf } from '../events/message-event.ts'
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

/** What matters of a request while it waits. What is to be sent stays in the log: a hundred thousand letters would fill the memory. */
interface OutboxRequest {
  readonly messageId: string
  readonly streamId: string
  /** Place of the request in its stream. */
  readonly version: number
  readonly contact: ContactAddress
  readonly requestedAt: number
  readonly notBefore?: number
  readonly expiresAt?: number
  readonly onUncertain?: 'report' | 'resend'
  /** The next way, when there is one. */
  readonly fallback?: { readonly channel: string; readonly transport?: string; readonly afterMs?: number }
}

/**
 * What the log says of one message that we were asked to send, as far as the sending of it goes on. Facts may be entered in any order and
 * repeatedly: the entry is the same. Times are milliseconds.
 */
export interface OutboxEntry {
  readonly request: OutboxRequest
  /** By number, from 1; numbers may be missing for a moment. */
  readonly attempts: Map<number, Attempt>
  /** Uncertainties and deferrals of attempts that were not heard of yet. */
  readonly early: Map<number, Pick<Attempt, 'uncertainSince' | 'deferredUntil'>>
  sentAt?: number
  delivered: boolean
  failed: boolean
}

export function newEntry(request: MessageEventOf<'message.requested'> & RecordedEvent): OutboxEntry {
  const { messageId, streamId, version, contact, occurredAt, data } = request
  const { notBefore, expiresAt, onUncertain } = data
  const [step] = data.fallback ?? []
  const { channel, transport, afterMs } = step ?? {}
  return {
    request: {
      messageId,
      streamId,
      version,
      contact,
      requestedAt: Date.parse(occurredAt),
      ...(notBefore === undefined ? {} : { notBefore: Date.parse(notBefore) }),
      ...(expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) }),
      ...(onUncertain === undefined ? {} : { onUncertain }),
      ...(channel === undefined
        ? {}
        : { fallback: { channel, ...(transport === undefined ? {} : { transport }), ...(afterMs === undefined ? {} : { afterMs }) } }),
    },
    attempts: new Map(),
    early: new Map(),
    delivered: false,
    failed: false,
  }
}

/** Enters one event about the message, heard of now. */
export function enterFact(entry: OutboxEntry, event: RecordedEvent, now: number): void {
  switch (event.type) {
    case 'message.attempted': {
      const { attempt: number, by, deadline } = event.data
      if (entry.attempts.has(number)) return
      const startedAt = Date.parse(event.occurredAt)
      entry.attempts.set(number, {
        number,
        by,
        startedAt,
        // By our own clock as well: that of another machine may be behind, and it would be at work still.
        deadline: Math.max(Date.parse(deadline), now + Date.parse(deadline) - startedAt),
        ...entry.early.get(number),
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

function note(entry: OutboxEntry, number: number, facts: Pick<Attempt, 'uncertainSince' | 'deferredUntil'>): void {
  const known = entry.attempts.get(number)
  if (known) Object.assign(known, facts)
  else entry.early.set(number, { ...entry.early.get(number), ...facts })
}
