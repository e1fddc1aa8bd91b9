import { backOffMs } from '../pause.ts'
import { isoInstant } from '../runtime.ts'
import type { SendReceipt, Transport } from '../transport/transport.ts'
import { limitedCall } from './limited-call.ts'
import { type Attempt, lastAttempt } from './outbox-entry.ts'
import { deferredFact, sentFact, uncertainFact } from './outbox-facts.ts'
import type { Live } from './outbox-memory.ts'
import { type OutboxWork, outboundMessage, reportProblem } from './outbox-work.ts'
import { evidenceOf, type OutcomeEvidence } from './outcome-evidence.ts'

const LONGEST_WAIT_MS = 300_000

/** Records that nobody has said what became of an attempt, and that its time is over. */
export async function doubtAttempt({ entry }: Live, transport: Transport, number: number, { log, options }: OutboxWork): Promise<void> {
  const reason = 'no outcome was recorded before the deadline'
  await log.record([uncertainFact(entry, transport, { number, now: options.clock.now(), reason })])
}

/** When (monotonic) the provider is asked (again) what became of a message: more and more patiently, and once more at the end. */
export function asksAt(live: Live, work: OutboxWork): number {
  const { clock, random, firstReconcileMs = 2_000 } = work.options
  const waitMs = backOffMs(live.reconciliations + 1, { firstMs: firstReconcileMs, maxMs: LONGEST_WAIT_MS }, random)
  live.reconcileAt ??= clock.monotonic() + waitMs
  return Math.min(live.reconcileAt, patienceEnds(live, work))
}

/**
 * Settles a message whose outcome is not known: the provider's echo of it in the log says that it was taken; without one the provider is
 * asked. `given-up`: nobody can tell, and the operator was told.
 */
export async function settleOutcome(live: Live, transport: Transport, work: OutboxWork): Promise<'given-up' | undefined> {
  const { entry } = live
  const attempt = lastAttempt(entry)
  if (!attempt) return undefined
  const asks = work.options.clock.monotonic() >= asksAt(live, work)
  live.echoed = false
  const request = await work.log.requestOf(entry.request.messageId)
  const evidence = await evidenceOf(work.options.store, request, attempt)
  const { number } = attempt
  if (evidence.echo) {
    await recordSent(live, transport, evidence.echo, { number, settledBy: 'echo' }, work)
    return undefined
  }
  if (!asks) return undefined

  const answer = await ask(outboundMessage(request, work), transport, attempt, evidence, work)
  // A message alike that was attempted meanwhile is in the log by now, for its claim goes before it.
  const { others, mistakable } = typeof answer === 'object' ? await evidenceOf(work.options.store, request, attempt) : evidence
  const now = work.options.clock.now()
  const patient = work.options.clock.monotonic() < patienceEnds(live, work)
  live.reconciliations += 1
  delete live.reconcileAt
  const again = (error: typeof NOT_SENT | typeof RESENT) =>
    work.log.record([deferredFact(entry, transport, { number, now, until: now, error })])
  const isThisOne = typeof answer === 'object' && !mistakable && !others.has(answer.providerMessageId)
  if (isThisOne) await recordSent(live, transport, answer, { number, settledBy: 'reconciler' }, work)
  // While a call that was given up has not ended, it may still send the message.
  else if (answer === 'not-sent' && live.abandonedCalls === 0) await again(NOT_SENT)
  else if (!patient && entry.request.onUncertain === 'resend') await again(RESENT)
  else if (!patient) {
    reportProblem(work, live, 'uncertain', 'nobody can tell whether it was sent; nothing more is tried')
    return 'given-up'
  }
  return undefined
}

/** Another message of ours may have been settled with the same one of the provider's meanwhile: then this one stays unknown. */
async function recordSent(
  { entry }: Live,
  transport: Transport,
  receipt: SendReceipt,
  known: { number: number; settledBy: 'reconciler' | 'echo' },
  { log, options }: OutboxWork,
): Promise<void> {
  await log.record([sentFact(entry, transport, receipt, { ...known, now: options.clock.now() })])
}

/** Until when (monotonic) later messages of the contact wait behind this one, whose outcome is unknown. */
export function holdEnds({ entry }: Live, { reconciler }: Transport, { options }: OutboxWork): number {
  const { uncertain } = lastAttempt(entry) ?? {}
  return uncertain && reconciler ? uncertain.heardAt + (options.holdUncertainMs ?? 60_000) : Number.NEGATIVE_INFINITY
}

/** Until when (monotonic) the provider is asked. A copy is risked only after the whole time, counted again after a start. */
function patienceEnds({ entry }: Live, { options }: OutboxWork): number {
  const { reportUncertainAfterMs = 86_400_000, resendUncertainAfterMs = 120_000 } = options
  const { heardAt, ageMs } = lastAttempt(entry)?.uncertain ?? { heardAt: 0, ageMs: 0 }
  if (entry.request.onUncertain === 'resend') return heardAt + Math.min(resendUncertainAfterMs, reportUncertainAfterMs)
  return heardAt - ageMs + reportUncertainAfterMs
}

async function ask(
  message: Parameters<NonNullable<Transport['reconciler']>['reconcile']>[0],
  transport: Transport,
  { startedAt, heardAt }: Attempt,
  { others }: OutcomeEvidence,
  { options, stopping }: OutboxWork,
): Promise<SendReceipt | 'not-sent' | 'unknown'> {
  if (!transport.reconciler) return 'unknown'
  const { reconciler } = transport
  try {
    const attemptedAt = isoInstant(startedAt)
    const elapsedMs = options.clock.monotonic() - heardAt
    return await limitedCall({
      limitMs: options.attemptTimeoutMs,
      parent: stopping,
      sleep: options.sleep,
      call: (signal) => reconciler.reconcile(message, { attemptedAt, elapsedMs, others, signal }),
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    options.logger.warn(`${transport.id}: cannot be asked what became of ${message.messageId}`, { error: reason })
    return 'unknown'
  }
}

const NOT_SENT = { code: 'not_sent', class: 'provider', text: 'The provider says that it was not sent' } as const
const RESENT = { code: 'resent', class: 'provider', text: 'Nobody can tell whether it was sent; sent once more, as requested' } as const
