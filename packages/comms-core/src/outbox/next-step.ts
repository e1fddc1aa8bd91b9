import type { Clock } from '../runtime.ts'
import { lastAttempt, type OutboxEntry } from './outbox-entry.ts'

/** What the outbox does next about a message. */
export type Step =
  /** Nothing more, ever. */
  | { readonly kind: 'done' }
  /** Nothing before this time of one of the clocks, unless a fact comes. `holds`: later messages of the contact wait behind it. */
  | { readonly kind: 'wait'; readonly until: number; readonly by: keyof Clock; readonly holds: boolean }
  | { readonly kind: 'attempt'; readonly number: number }
  /** An attempt is past its deadline, and no outcome was recorded: record that it is uncertain. */
  | { readonly kind: 'doubt'; readonly number: number }
  /** Ask the provider what became of this attempt. */
  | { readonly kind: 'reconcile'; readonly number: number }
  /** It can no longer be sent in time. */
  | { readonly kind: 'expire' }
  /** It did not reach the contact: take the next way. */
  | { readonly kind: 'fall-back' }

export interface StepLimits {
  /** From the request: later nothing more is tried; from the answer: later no failure is waited for. Milliseconds. */
  readonly giveUpAfterMs: number
}

/**
 * The next step for a message, from what the log says of it and the time alone. A message whose outcome is unknown is never attempted
 * again before somebody who knows says that it was not sent, and never falls back. Times that a caller gave are those of the wall clock;
 * all spans are measured by the monotonic one.
 */
export function nextStep(entry: OutboxEntry, clock: Clock, limits: StepLimits): Step {
  const { notBefore, fallback } = entry.request
  if (entry.delivered) return { kind: 'done' }
  if (entry.failed) return fallback ? { kind: 'fall-back' } : { kind: 'done' }
  const monotonic = clock.monotonic()
  if (entry.sentAt !== undefined) {
    if (!fallback) return { kind: 'done' }
    // The provider may still say that it failed.
    const until = entry.sentAt + (fallback.afterMs ?? limits.giveUpAfterMs)
    if (monotonic < until) return { kind: 'wait', until, by: 'monotonic', holds: false }
    return { kind: fallback.afterMs === undefined ? 'done' : 'fall-back' }
  }

  const last = lastAttempt(entry)
  if (last && last.deferredUntil === undefined) {
    if (last.uncertain) return { kind: 'reconcile', number: last.number }
    if (monotonic >= last.deadline) return { kind: 'doubt', number: last.number }
    return { kind: 'wait', until: last.deadline, by: 'monotonic', holds: true }
  }

  const end = endOf(entry, limits)
  if (clock[end.by]() >= end.at) return { kind: 'expire' }
  if (notBefore !== undefined && clock.now() < notBefore) return { kind: 'wait', until: notBefore, by: 'now', holds: false }
  const deferredMs = (last?.deferredUntil ?? 0) - monotonic
  if (deferredMs > 0) {
    const sooner = end.at - clock[end.by]() < deferredMs ? end : { at: monotonic + deferredMs, by: 'monotonic' as const }
    return { kind: 'wait', until: sooner.at, by: sooner.by, holds: true }
  }
  return { kind: 'attempt', number: (last?.number ?? 0) + 1 }
}

/** When a message that is not sent by then fails, and by which clock. */
export function endOf({ request }: OutboxEntry, { giveUpAfterMs }: StepLimits): { readonly at: number; readonly by: keyof Clock } {
  const { requestedAt, notBefore, expiresAt } = request
  if (expiresAt !== undefined) return { at: expiresAt, by: 'now' }
  if (notBefore !== undefined) return { at: notBefore + giveUpAfterMs, by: 'now' }
  return { at: requestedAt + giveUpAfterMs, by: 'monotonic' }
}
