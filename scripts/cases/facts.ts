import type { RecordedEvent } from '@pipe-comms/core'
import type { Case } from './case.ts'
import { differs } from './case.ts'

interface ExpectedFact {
  readonly type: string
  readonly contact?: string
  readonly text?: string
}

/** Holds what a webhook recorded, and how it was answered, against what the case expects. */
export function judgeFacts({ expected }: Case, status: number, events: readonly RecordedEvent[]): string[] {
  const {
    facts = [],
    newEvents,
    status: wanted,
    statusIn,
    rawHas,
  } = expected as {
    facts?: readonly ExpectedFact[]
    newEvents?: number
    status?: number
    statusIn?: readonly number[]
    rawHas?: string
  }
  // An encoding that is refused as such loses nothing: the provider is told and nothing is acknowledged.
  if (statusIn && status !== 200) return statusIn.includes(status) ? [] : [`status: expected one of ${statusIn}, got ${status}`]
  return [
    ...differs('status', wanted ?? 200, status),
    ...(newEvents === undefined ? [] : differs('new events', newEvents, events.length)),
    ...facts.flatMap((fact) =>
      events.some((event) => isOf(fact, event)) ? [] : [`expected ${JSON.stringify(fact)}, got ${describe(events)}`],
    ),
    ...(rawHas === undefined || JSON.stringify(events).includes(rawHas) ? [] : [`expected ${rawHas} in the raw event`]),
  ]
}

function isOf({ type, contact, text }: ExpectedFact, event: RecordedEvent): boolean {
  const data = event.data as { text?: string }
  return event.type === type && (contact === undefined || event.contact?.value === contact) && (text === undefined || data.text === text)
}

export function describe(events: readonly RecordedEvent[]): string {
  return JSON.stringify(
    events.map((event) => ({
      type: event.type,
      contact: event.contact?.value,
      reason: event.type === 'webhook.quarantined' ? event.data.reason : undefined,
    })),
  )
}
