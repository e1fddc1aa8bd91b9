import { reportFiledFact } from '../events/report-filed.ts'
import type { Transport } from '../transport/transport.ts'
import { lastAttempt } from './outbox-entry.ts'
import { sentFact } from './outbox-facts.ts'
import type { Live } from './outbox-memory.ts'
import type { OutboxWork } from './outbox-work.ts'

/** Records where the reports on a message lie that are in other streams, so that `message(id)` finds them. See `attachReports`. */
export async function pointToReports(live: Live, { log }: OutboxWork): Promise<void> {
  const found = live.elsewhere
  const recorded = await log.record(await Promise.all(found.map((report) => reportFiledFact(report, live.entry.request.messageId))))
  // Nothing at a stop while the log is away: the next start reads these reports again.
  if (recorded) live.elsewhere = live.elsewhere.filter((report) => !found.includes(report))
}

/**
 * Records that the provider took a message whose answer was lost, once its reports say so: by the key of that fact, later reports are
 * found to be of this message, whichever address they name.
 */
export async function recordName(live: Live, transport: Transport, { log, options }: OutboxWork): Promise<void> {
  const { providerMessageId } = live
  if (providerMessageId === undefined) return
  const known = { number: lastAttempt(live.entry)?.number ?? 1, now: options.clock.now(), settledBy: 'echo' as const }
  await log.record([sentFact(live.entry, transport, { providerMessageId }, known)])
  // Nothing at a stop while the log is away.
  live.isKeyed = true
}
