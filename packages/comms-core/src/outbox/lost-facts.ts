import type { Position } from '../events/recorded-event.ts'
import { enterFact, hearing } from './outbox-entry.ts'
import { type Live, providerName } from './outbox-memory.ts'
import type { OutboxWork } from './outbox-work.ts'

/**
 * Reads the log again for facts that came under the provider's names of these messages before these names were known, and that were dropped
 * since. One reading serves all.
 */
export async function recoverFacts(lives: readonly Live[], { options, stopping }: OutboxWork): Promise<void> {
  const byName = new Map(lives.flatMap((live) => [...live.providerNames].map((name) => [name, live] as const)))
  let after: Position | undefined = lives[0]?.before
  for (const { before } of lives) if (before === undefined || (after !== undefined && before < after)) after = before
  for await (const event of options.store.readAll({ signal: stopping, ...(after === undefined ? {} : { after }) })) {
    const live = byName.get(providerName(event) ?? '')
    if (live && event.direction !== 'inbound') enterFact(live.entry, event, hearing(options.clock))
  }
  for (const live of lives) live.lostFacts = false
}
