import { CommsError, isCommsError } from '../errors.ts'
import { backOffMs } from '../pause.ts'
import type { Clock } from '../runtime.ts'
import type { OutboundMessage, SendReceipt, Transport } from '../transport/transport.ts'
import { AbandonedCall, limitedCall } from './limited-call.ts'
import type { OutboxEntry } from './outbox-entry.ts'
import { attemptedFact, deferredFact, failedFact, failureOf, optedOutFact, sentFact, uncertainFact } from './outbox-facts.ts'
import type { OutboxLane } from './outbox-lane.ts'
import type { Live } from './outbox-memory.ts'
import { type OutboxWork, outboundMessage, reportProblem } from './outbox-work.ts'

interface AttemptCall {
  readonly number: number
  readonly onAnswered: () => void
  /** A call that was given up before has ended after all. */
  readonly onCallEnded: () => void
}

/**
 * Claims an attempt, makes it, and records what came of it; `onAnswered` is called before that, when the provider has answered. The
 * claim is an event whose key only one instance can record: whoever did not record it sends nothing.
 */
export async function makeAttempt(
  live: Live,
  lane: OutboxLane<Live>,
  { number, onAnswered, onCallEnded }: AttemptCall,
  work: OutboxWork,
): Promise<void> {
  const { transport, breaker } = lane
  const { clock, attemptTimeoutMs } = work.options
  const { entry } = live
  let message: OutboundMessage
  let deadline: AttemptDeadline
  try {
    message = outboundMessage(await work.log.requestOf(entry.request.messageId), work)
    const now = clock.now()
    deadline = { now: now + attemptTimeoutMs, monotonic: clock.monotonic() + attemptTimeoutMs }
    const claim = attemptedFact(entry, transport, { number, by: work.instance, now, deadline: deadline.now })
    if (!(await work.log.claim(claim))) return breaker.skipped()
  } catch (error) {
    breaker.skipped()
    throw error
  }
  let receipt: SendReceipt
  try {
    const recordLate = (late: SendReceipt) => recordLateReceipt(live, transport, late, number, work)
    receipt = await sendBefore({ live, lane, message, deadline, onCallEnded, recordLate }, work)
  } catch (error) {
    // Broken off at a stop, and still going on: nothing is said of it, so other instances wait until its time is over.
    if (error instanceof AbandonedCall && clock.monotonic() < deadline.monotonic) return breaker.skipped()
    const recorded = recordFailure(live, lane, number, error, work)
    onAnswered()
    return recorded
  }
  breaker.succeeded()
  onAnswered()
  await recordReceipt(entry, transport, receipt, number, work)
}

/** By both clocks: the monotonic one stands still while the machine sleeps, and the other one may be set. What is over by one of them is over. */
type AttemptDeadline = { readonly [clock in keyof Clock]: number }

interface Sending {
  readonly live: Live
  readonly lane: OutboxLane<Live>
  readonly message: OutboundMessage
  readonly deadline: AttemptDeadline
  /** A call that was given up has ended, so there may be room for another. */
  readonly onCallEnded: () => void
  /** The provider took it after all. */
  readonly recordLate: (receipt: SendReceipt) => Promise<void>
}

async function sendBefore({ live, lane, message, deadline, onCallEnded, recordLate }: Sending, work: OutboxWork): Promise<SendReceipt> {
  const { transport } = lane
  const { clock, sleep } = work.options
  const remainingMs = Math.min(deadline.now - clock.now(), deadline.monotonic - clock.monotonic())
  // Others may take the attempt for lost by now, and ask the provider what became of it.
  if (remainingMs <= 0) throw new CommsError('send_unavailable', `${transport.id}: the claim was recorded after its deadline`)
  return limitedCall({
    limitMs: remainingMs,
    parent: work.aborting,
    sleep,
    call: (signal) => transport.send(message, { signal }),
    onAbandoned: () => {
      live.abandonedCalls += 1
      lane.abandoned += 1
    },
    onLate: ({ result }) => {
      live.abandonedCalls -= 1
      lane.abandoned -= 1
      onCallEnded()
      if (result) void recordLate(result)
    },
  })
}

async function recordReceipt(entry: OutboxEntry, transport: Transport, receipt: SendReceipt, number: number, { log, options }: OutboxWork) {
  const now = options.clock.now()
  try {
    const [recorded] = (await log.record([sentFact(entry, transport, receipt, { number, now })])) ?? []
    if (!recorded || recorded.event.messageId === entry.request.messageId) return
    const reason = `${transport.id}: it was answered with the id of another message, ${recorded.event.messageId}`
    await log.record([uncertainFact(entry, transport, { number, now, reason })])
  } catch (error) {
    if (!isCommsError(error, 'event_invalid')) throw error
    await log.record([
      uncertainFact(entry, transport, { number, now, reason: `${transport.id}: its receipt cannot be recorded: ${error.message}` }),
    ])
  }
}

/** Evidence that comes late is evidence: whatever was recorded meanwhile, the provider took the message. */
async function recordLateReceipt(
  { entry }: Live,
  transport: Transport,
  receipt: SendReceipt,
  number: number,
  { log, options }: OutboxWork,
) {
  options.logger.warn(`Outbox: ${transport.id} took ${entry.request.messageId} after its time was over`)
  try {
    await log.record([sentFact(entry, transport, receipt, { number, now: options.clock.now() })])
  } catch (error) {
    options.logger.error(`Outbox: a late receipt cannot be recorded: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function recordFailure(live: Live, { transport, breaker }: OutboxLane<Live>, number: number, error: unknown, work: OutboxWork) {
  const { log, options } = work
  const { clock, random, firstRetryMs = 2_000, maxRetryMs = 600_000 } = options
  const { entry } = live
  const now = clock.now()
  const waitMs = backOffMs(number, { firstMs: firstRetryMs, maxMs: maxRetryMs }, random)
  if (isCommsError(error, 'send_rejected')) {
    breaker.succeeded()
    const facts = [failedFact(entry, transport, { number, now, error: failureOf(error, 'provider') })]
    if (error.optedOut) {
      const { providerCode } = error
      facts.push(optedOutFact(entry, transport, { number, now, ...(providerCode === undefined ? {} : { providerCode }) }))
    }
    await log.record(facts)
    reportProblem(work, live, 'failed', error.message)
  } else if (isCommsError(error, 'send_unavailable')) {
    breaker.failed()
    const until = now + Math.max(waitMs, error.retryAfterMs ?? 0)
    await log.record([deferredFact(entry, transport, { number, now, until, error: failureOf(error, 'provider') })])
  } else if (isCommsError(error, 'transport_misconfigured')) {
    breaker.failed(undefined, { atOnce: true })
    reportProblem(work, live, 'misconfigured', error.message)
    await log.record([deferredFact(entry, transport, { number, now, until: now + waitMs, error: failureOf(error, 'configuration') })])
  } else {
    breaker.failed()
    const reason = uncertainty(transport, error)
    await log.record([uncertainFact(entry, transport, { number, now, reason })])
  }
}

function uncertainty({ id }: Transport, error: unknown): string {
  if (isCommsError(error)) return error.message
  return error instanceof AbandonedCall ? `${id}: ${error.message}` : `${id}: send threw something other than a CommsError`
}
