import { lastAttempt, type OutboxEntry } from './outbox-entry.ts'

/** What the outbox does next about a message. */
export type Step =
  /** Nothing more, ever. */
  | { readonly kind: 'done' }
  /** Nothing before this time, unless a fact comes. `holds`: later messages of the contact wait behind it. */
  | { readonly kind: 'wait'; readonly until: number; readonly holds: boolean }
  | { readonly kind: 'attempt'; readonly number: number }
  /** An attempt is past its deadline and nobody said what became of it: record that it is uncertain. */
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
 * again before somebody who knows says that it was not sent, and never falls back.
 */
export function nextStep(entry: OutboxEntry, now: number, { giveUpAfterMs }: StepLimits): Step {
  const { requestedAt, notBefore, expiresAt, fallback } = entry.request
  if (entry.delivered) return { kind: 'done' }
  if (entry.failed) return fallback ? { kind: 'fall-back' } : { kind: 'done' }
  if (entry.sentAt !== undefined) {
    if (!fallback) return { kind: 'done' }
    // The provider may still say that it failed.
    const until = entry.sentAt + (fallback.afterMs ?? giveUpAfterMs)
    if (now < until) return { kind: 'wait', until, holds: false }
    return { kind: fallback.afterMs === undefined ? 'done' : 'fall-back' }
  }

  const last = lastAttempt(entry)
  if (last && last.deferredUntil === undefined) {
    if (last.uncertainSince !== undefined) return { kind: 'reconcile', number: last.number }
    return now >= last.deadline ? { kind: 'doubt', number: last.number } : { kind: 'wait', until: last.deadline, holds: true }
  }

  const begins = notBefore ?? requestedAt
  const ends = expiresAt ?? Math.max(requestedAt, begins) + giveUpAfterMs
  if (now >= ends) return { kind: 'expire' }
  if (now < begins) return { kind: 'wait', until: begins, holds: false }
  if (last?.deferredUntil !== undefined && now < last.deferredUntil) {
    return { kind: 'wait', until: Math.min(last.deferredUntil, ends), holds: true }
  }
  return { kind: 'attempt', number: (last?.number ?? 0) + 1 }
}
