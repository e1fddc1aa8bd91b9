import { isCommsError } from '@pipe-comms/core'
import type { InstanceApi } from './instance.ts'
import { type JournalMessage, lastOutgoingMessages, type QueuedMessage, showMessagesQueue, type UNREADABLE } from './outgoing-record.ts'

export interface OutgoingRecords {
  readonly queue: readonly (QueuedMessage | typeof UNREADABLE)[]
  /** When the queue was looked at, before the journal, by the monotonic clock. */
  readonly queueSeenAt: number
  readonly journal: readonly (JournalMessage | typeof UNREADABLE)[]
}

/**
 * Reads queue and journal, which Green-API shows once a second: those who ask while a reading waits or is under way share the next one.
 * It is one that begins after they asked. Nothing when Green-API does not say.
 */
export function sharedRecords(api: InstanceApi): (minutes: number, signal: AbortSignal) => Promise<OutgoingRecords | undefined> {
  const never = new AbortController().signal
  let last: Promise<unknown> = Promise.resolve()
  let next: { minutes: number; readonly records: Promise<OutgoingRecords | undefined> } | undefined

  const begin = (): Promise<OutgoingRecords | undefined> => {
    const minutes = next?.minutes ?? 0
    next = undefined
    return readRecords(api, minutes, never)
  }
  return async (minutes, signal) => {
    next ??= { minutes, records: last.then(begin) }
    next.minutes = Math.max(next.minutes, minutes)
    const { records } = next
    last = records.catch(() => undefined)
    return Promise.race([records, aborted(signal)])
  }
}

/** The queue first: what leaves it in between is then in the journal, or late. */
async function readRecords(api: InstanceApi, minutes: number, signal: AbortSignal): Promise<OutgoingRecords | undefined> {
  try {
    const queue = await showMessagesQueue(api, signal)
    const queueSeenAt = api.options.clock.monotonic()
    const journal = await lastOutgoingMessages(api, minutes, signal)
    return queue && journal && { queue, queueSeenAt, journal }
  } catch (error) {
    if (isCommsError(error)) return undefined
    throw error
  }
}

/** The reading goes on for the others. */
function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}
