import type { ContactAddress } from '../events/contact-address.ts'
import type { MessageEventOf } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import type { Clock } from '../runtime.ts'

/** The machines of two instances run at almost the same pace; a call that is broken off needs a moment to end. */
const DEADLINE_MARGIN_MS = 2_000

/**
 * When this process heard of a fact. Spans are counted from here by the monotonic clock, so that setting a clock, ours or another
 * machine's, makes none of them shorter.
 */
export interface Hearing {
  readonly now: number
  readonly monotonic: number
  /** It was read from the log at a start, and may be old. */
  readonly atStart: boolean
}

export function hearing(clock: Clock, { atStart = false } = {}): Hearing {
  return { now: clock.now(), monotonic: clock.monotonic(), atStart }
}

/** One try, as the log tells of it. */
export interface Attempt {
  readonly number: number
  readonly by: string
  /** By the clock of the instance that made it. */
  readonly startedAt: number
  /** Monotonic: when this process heard of it. */
  readonly heardAt: number
  /** Monotonic: whoever made it has given up by then. */
  readonly deadline: number
  /** Its outcome is known to be unknown. */
  uncertain?: Uncertainty
  /** Monotonic: it was certainly not sent, and the next one may begin then. */
  deferredUntil?: number
}

interface Uncertainty {
  /** Monotonic: when this process heard of it. */
  readonly heardAt: number
  /** How old it was then. More than 0 only at a start. */
  readonly ageMs: number
}

/** What matters of a request while it waits. What is to be sent stays in the log: a hundred thousand letters would fill the memory. */
interface OutboxRequest {
  readonly messageId: string
  readonly channel: string
  readonly provider: string
  readonly account?: string
  readonly streamId: string
  /** Place of the request in its stream. */
  readonly version: number
  readonly contact: ContactAddress
  /** Monotonic: when this process heard of it, or as long before as it was old at a start. */
  readonly requestedAt: number
  readonly notBefore?: number
  readonly expiresAt?: number
  readonly onUncertain?: 'report' | 'resend'
  /** The next way, when there is one. */
  readonly fallback?: { readonly channel: string; readonly transport?: string; readonly afterMs?: number }
}

/**
 * What the log says of one message that we were asked to send, as far as the sending of it goes on. Facts may be entered in any order and
 * repeatedly: the entry is the same, but for the time when they were first heard of. Times are milliseconds of the wall clock, unless they
 * are said to be monotonic.
 */
export interface OutboxEntry {
  readonly request: OutboxRequest
  /** By number, from 1; numbers may be missing for a moment. */
  readonly attempts: Map<number, Attempt>
  /** Uncertainties and deferrals of attempts that were not heard of yet. */
  readonly early: Map<number, Pick<Attempt, 'uncertain' | 'deferredUntil'>>
  /** Monotonic: when this process heard of it, or as long before as it was old at a start. */
  sentAt?: number
  delivered: boolean
  failed: boolean
}

export function newEntry(request: MessageEventOf<'message.requested'> & RecordedEvent, heard: Hearing): OutboxEntry {
  const { messageId, channel: over, provider, account, streamId, version, contact, occurredAt, data } = request
  const { notBefore, expiresAt, onUncertain } = data
  const [step] = data.fallback ?? []
  const { channel, transport, afterMs } = step ?? {}
  return {
    request: {
      messageId,
      channel: over,
      provider,
      ...(account === undefined ? {} : { account }),
      streamId,
      version,
      contact,
      requestedAt: heard.monotonic - ageOf(occurredAt, heard),
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

/** Enters one event about the message. */
export function enterFact(entry: OutboxEntry, event: RecordedEvent, heard: Hearing): void {
  switch (event.type) {
    case 'message.attempted': {
      const { attempt: number, by, deadline } = event.data
      if (entry.attempts.has(number)) return
      const startedAt = Date.parse(event.occurredAt)
      entry.attempts.set(number, {
        number,
        by,
        startedAt,
        heardAt: heard.monotonic,
        // Its own clock says how long it may take, and our monotonic one when that time is over. At a start its whole time is waited for:
        // which part of it is over, only clocks that somebody may have set could say.
        deadline: heard.monotonic + Math.max(0, Date.parse(deadline) - startedAt) + DEADLINE_MARGIN_MS,
        ...entry.early.get(number),
      })
      entry.early.delete(number)
      return
    }
    case 'message.uncertain':
      note(entry, event.data.attempt, { uncertain: { heardAt: heard.monotonic, ageMs: ageOf(event.occurredAt, heard) } })
      return
    case 'message.deferred': {
      const { attempt, until = event.occurredAt } = event.data
      const waitMs = Math.max(0, Date.parse(until) - Date.parse(event.occurredAt))
      // Without an attempt it is the provider that goes on trying, not we.
      if (attempt !== undefined) {
        note(entry, attempt, { deferredUntil: heard.monotonic + Math.max(0, waitMs - ageOf(event.occurredAt, heard)) })
      }
      return
    }
    case 'message.sent':
      entry.sentAt = Math.min(entry.sentAt ?? Number.POSITIVE_INFINITY, heard.monotonic - ageOf(event.occurredAt, heard))
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

function note(entry: OutboxEntry, number: number, facts: Pick<Attempt, 'uncertain' | 'deferredUntil'>): void {
  const known = entry.attempts.get(number)
  // What was heard first holds: hearing of it again does not make it younger.
  if (known) Object.assign(known, { ...facts, ...known })
  else entry.early.set(number, { ...facts, ...entry.early.get(number) })
}

/** How long ago it happened. What is heard while it is recorded has just happened, whatever the clock of its writer says. */
function ageOf(occurredAt: string, { now, atStart }: Hearing): number {
  return atStart ? Math.max(0, now - Date.parse(occurredAt)) : 0
}
