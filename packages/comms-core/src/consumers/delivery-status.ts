import type { MessageEventOf } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { compareFacts, compareInstants, type OrderedFact } from './fact-order.ts'
import { emptyBook, enter, type FactsOf, lookUp, type MessageBook, namesOf } from './message-book.ts'
import type { Projection } from './projection.ts'

/** From the lowest rank to the highest. */
const RANKS = ['requested', 'attempted', 'uncertain', 'sent', 'failed', 'delivered', 'read'] as const

export type DeliveryState = (typeof RANKS)[number]

/** How far one outbound message got. */
export interface Delivery {
  /** The highest state seen: requested < attempted < uncertain < sent < failed < delivered < read. */
  status: DeliveryState
  /** Each state seen, and the earliest `occurredAt` of it. */
  since: Partial<Record<DeliveryState, string>>
  /** Why it failed: the latest failure that the log tells of. Stays when a higher state outranks it. */
  failure?: OrderedFact & { readonly error: MessageEventOf<'message.failed'>['data']['error'] }
}

/** Plain JSON. Read it with {@link deliveryOf}. */
export type DeliveryStatusState = MessageBook<Delivery>

/**
 * The delivery state of every outbound message. The highest rank wins, so neither the order of the events nor their repetition matters,
 * not even across two logs that recorded the same facts in different order. Facts are matched by `messageId` and by
 * `provider:providerMessageId`; which of ours is which of the provider's is learnt from any event that holds both, before or after.
 * @example
 * const { state } = await project(store.readAll(), deliveryStatus)
 * deliveryOf(state, messageId)?.status // 'delivered'
 */
export const deliveryStatus: Projection<DeliveryStatusState> = {
  name: 'delivery-status',
  initial: emptyBook,
  fold: (state, event) => {
    const reached = stateTold(event)
    if (reached) note(enter(state, namesOf(event), deliveries), reached, event)
    return state
  },
}

/** The delivery of a message, by any of its names: ours, or `provider:providerMessageId`. Nothing for an unknown one. */
export function deliveryOf(state: DeliveryStatusState, name: string): Delivery | undefined {
  return lookUp(state, name)?.facts
}

const deliveries: FactsOf<Delivery> = {
  blank: () => ({ status: 'requested', since: {} }),
  merge: (into, other) => {
    for (const reached of RANKS) if (other.since[reached]) rise(into, reached, other.since[reached])
    if (other.failure) keepLatest(into, other.failure)
  },
}

function stateTold(event: RecordedEvent): DeliveryState | undefined {
  if (event.direction === 'inbound' || !event.type.startsWith('message.')) return undefined
  return RANKS.find((state) => event.type === `message.${state}`)
}

function note(delivery: Delivery, reached: DeliveryState, event: RecordedEvent): void {
  const { occurredAt, idempotencyKey } = event
  rise(delivery, reached, occurredAt)
  if (event.type === 'message.failed') keepLatest(delivery, { error: event.data.error, occurredAt, idempotencyKey })
}

function rise(delivery: Delivery, reached: DeliveryState, occurredAt: string): void {
  const before = delivery.since[reached]
  if (before === undefined || compareInstants(occurredAt, before) < 0) delivery.since[reached] = occurredAt
  if (RANKS.indexOf(reached) > RANKS.indexOf(delivery.status)) delivery.status = reached
}

function keepLatest(delivery: Delivery, failure: NonNullable<Delivery['failure']>): void {
  if (!delivery.failure || compareFacts(failure, delivery.failure) > 0) delivery.failure = failure
}
