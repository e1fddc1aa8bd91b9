import { streamIdOf } from '../events/recorded-event.ts'
import type { Transport } from '../transport/transport.ts'
import { nextStep, type Step } from './next-step.ts'
import { enterFact, hearing, lastAttempt, type OutboxEntry } from './outbox-entry.ts'
import { failedFact, fallbackFact } from './outbox-facts.ts'
import { type Live, providerName } from './outbox-memory.ts'
import { type OutboxWork, reportProblem } from './outbox-work.ts'

/**
 * Ends a message that is not to be sent any more: too late, or its contact has opted out. The log is read to its end before, and the
 * ending is recorded only on top of what was read, so that an attempt that another instance begins at this moment is seen, and not called
 * a failure.
 */
export async function endUnsent(live: Live, transport: Transport, work: OutboxWork): Promise<void> {
  const { entry } = live
  const { streamId } = entry.request
  const { clock } = work.options
  await work.readToEnd()
  for (;;) {
    if (work.stopping.aborted) return
    // What changes from here on is looked at again.
    live.consentChanged = false
    const version = await readItsStream(live, work)
    const { optedOut } = await work.consents.read(streamId, transport.channel)
    const now = clock.now()
    const step = nextStep(entry, clock, work.limits)
    const error = step.kind === 'expire' ? EXPIRED : optedOut && isUnsent(entry, step) ? OPTED_OUT : undefined
    if (!error) {
      // Under way already: should it have to be sent again, that is not done.
      if (optedOut) live.consentChanged = true
      return
    }
    const outcome = await work.log.recordAt(version, [failedFact(entry, transport, { now, error })])
    if (outcome === 'conflict') continue
    reportProblem(work, live, 'failed', error.text)
    return
  }
}

/** Whether nothing was sent and nothing is under way. */
export function isUnsent(entry: OutboxEntry, step: Step): boolean {
  const last = lastAttempt(entry)
  return entry.sentAt === undefined && (step.kind === 'attempt' || (step.kind === 'wait' && (!last || last.deferredUntil !== undefined)))
}

/**
 * Asks for the next way to reach the contact, unless the log, read to its end, says that the message has reached it. A way that the contact
 * has opted out of is recorded as asked for and failed, so that the one after it is taken. Whether the message is done with.
 */
export async function fallBack(live: Live, work: OutboxWork): Promise<boolean> {
  const { store, clock, transports } = work.options
  const { fallback, messageId } = live.entry.request
  // A delivery may be in the log under another address of the contact, so its own stream is not enough.
  await work.readToEnd()
  await readItsStream(live, work)
  if (work.stopping.aborted || nextStep(live.entry, clock, work.limits).kind !== 'fall-back') return false
  const next = transports.find(({ id, channel }) =>
    fallback?.transport === undefined ? channel === fallback?.channel : id === fallback.transport,
  )
  if (!next) {
    reportProblem(work, live, 'failed', `no transport for the fallback over ${fallback?.channel}`)
    return true
  }
  const now = clock.now()
  const fact = fallbackFact(await work.log.requestOf(messageId), next, now)
  for (;;) {
    const { version, optedOut } = await work.consents.read(streamIdOf(fact), next.channel)
    // Another instance was quicker.
    if (await store.find(fact.idempotencyKey)) return true
    const refused = optedOut ? [failedFact({ request: fact }, next, { now, error: OPTED_OUT })] : []
    if ((await work.log.recordAt(version, [fact, ...refused])) === 'conflict') continue
    if (optedOut) work.options.logger.warn(`Outbox: ${fact.messageId} over ${next.id}: failed: ${OPTED_OUT.text}`)
    return true
  }
}

/** Enters what the contact's stream says of the message, under our name of it or the provider's; gives the version of the stream. */
async function readItsStream({ entry, providerNames }: Live, { options: { store, clock } }: OutboxWork): Promise<number> {
  const { messageId, streamId, version: fromVersion } = entry.request
  let version = 0
  for await (const event of store.readStream(streamId, { fromVersion })) {
    version = event.version
    if (event.messageId === messageId || providerNames.has(providerName(event) ?? '')) enterFact(entry, event, hearing(clock))
  }
  return version
}

const EXPIRED = { code: 'expired', class: 'policy', text: 'It could not be sent in time' } as const
const OPTED_OUT = { code: 'opted_out', class: 'policy', text: 'The contact opted out before it was sent' } as const
