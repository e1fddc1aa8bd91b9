import type { RecordedEvent } from '../events/recorded-event.ts'
import type { Projection } from './projection.ts'
import { markSeen, type SeenVersions } from './seen-versions.ts'
import { entryIn, setEntry, type Table } from './table.ts'

/** How many facts of each kind the log holds for one channel and provider. */
export interface ChannelCounts {
  readonly channel: string
  readonly provider: string
  received: number
  sent: number
  delivered: number
  read: number
  failed: number
  uncertain: number
  /** Webhooks that were verified but not understood. */
  quarantined: number
  /** Contacts that were tied to a lead. */
  correlated: number
}

/** Plain JSON. Read it with {@link channelCounts}. */
export interface ChannelMetricsState {
  counts: Table<ChannelCounts>
  /** Per stream, what was counted already. */
  seen: Table<SeenVersions>
}

/**
 * Counts facts per channel and provider. Each fact counts once, in whichever order and however often the events are fed: the log records
 * an idempotencyKey once, in one place of one stream, and the state remembers the places it has seen. In log order that is two numbers a
 * stream, not a set that grows with the log.
 *
 * These are facts, not messages: a message for which the provider tells of two sendings, or of one reading for each member of a group,
 * counts with each of them. For messages by state use {@link deliveryStatus}.
 */
export const channelMetrics: Projection<ChannelMetricsState> = {
  name: 'channel-metrics',
  initial: () => ({ counts: {}, seen: {} }),
  fold: (state, event) => {
    const seen = entryOr(state.seen, event.streamId, () => [])
    // Events that are not counted are marked too: their versions close the gaps between those that are.
    if (!markSeen(seen, event.version)) return state
    const counter = COUNTERS[event.type]
    if (counter) countsFor(state, event)[counter] += 1
    return state
  },
}

/** One row for each channel and provider that has counted anything. */
export function channelCounts(state: ChannelMetricsState): readonly Readonly<ChannelCounts>[] {
  return Object.values(state.counts)
}

type Counter = Exclude<keyof ChannelCounts, 'channel' | 'provider'>

const COUNTERS: Partial<Record<RecordedEvent['type'], Counter>> = {
  'message.received': 'received',
  'message.sent': 'sent',
  'message.delivered': 'delivered',
  'message.read': 'read',
  'message.failed': 'failed',
  'message.uncertain': 'uncertain',
  'webhook.quarantined': 'quarantined',
  'lead.correlated': 'correlated',
}

function countsFor(state: ChannelMetricsState, { channel, provider }: RecordedEvent): ChannelCounts {
  return entryOr(state.counts, `${channel} ${provider}`, () => ({
    channel,
    provider,
    received: 0,
    sent: 0,
    delivered: 0,
    read: 0,
    failed: 0,
    uncertain: 0,
    quarantined: 0,
    correlated: 0,
  }))
}

function entryOr<Value>(table: Table<Value>, key: string, make: () => Value): Value {
  const known = entryIn(table, key)
  if (known !== undefined) return known
  const made = make()
  setEntry(table, key, made)
  return made
}
