import { isCommsError, isoInstant, type OutboundMessage, type SendReceipt, type SendReconciler } from '@pipe-comms/core'
import { draftOf, type SendCall } from './api/draft.ts'
import type { InstanceApi } from './api/instance.ts'
import { UNREADABLE } from './api/outgoing-record.ts'
import { sameAsQueued, sameAsRecorded } from './api/same-message.ts'
import { chooseCall } from './api/send.ts'
import { sharedRecords } from './api/shared-records.ts'

/** "Up to 2 minutes late", and one to be sure. https://green-api.com/en/docs/api/journals/LastOutgoingMessages/ */
const JOURNAL_LATE_MS = 180_000
/** How far their clock may be from ours, the whole seconds they count in included. */
const CLOCK_SKEW_MS = 5_000
/** How long a message may wait in the queue and still be taken for ours: the longest delay that Green-API recommends. */
const QUEUE_MS = 300_000
/** Equal messages before the attempt are looked at as well: with one of them nearby, a match may be that one. */
const LOOK_BACK_MINUTES = 10
const MINUTE_MS = 60_000
/** The journal is asked for a day unless told otherwise; what it says of earlier ones is not documented. */
const JOURNAL_MS = 86_400_000
const MAX_REMEMBERED = 1_000

/**
 * Green-API has no idempotency key and the id is unknown, so a message is looked for by chat, content and time, first in the queue
 * and then in the journal of outgoing messages. One match, and no other that might be it: taken. Nothing in either, over a time longer
 * than the journal is late: not sent. Everything else is unknown.
 */
export function reconciler(api: InstanceApi): SendReconciler {
  const { clock } = api.options
  const records = sharedRecords(api)
  /**
   * When (monotonic) the queue was first seen without this attempt: what left the queue just before may still be missing in the journal. By message and
   * time of the attempt: what was seen of an earlier one says nothing of this one.
   */
  const absentSince = new Map<string, number>()

  return {
    async reconcile(message, { attemptedAt, elapsedMs, others, signal }) {
      const call = callOf(message)
      const attempted = Date.parse(attemptedAt)
      const calledAt = clock.monotonic()
      const elapsedByClock = clock.now() - attempted
      const elapsed = elapsedMs ?? elapsedByClock
      // A clock that shows less time than has passed was set: the attempt may be anywhere in the journal.
      const wasSet = elapsedByClock + CLOCK_SKEW_MS < elapsed
      const minutes = Math.ceil((wasSet ? JOURNAL_MS : Math.max(0, elapsedByClock)) / MINUTE_MS) + LOOK_BACK_MINUTES
      const read = await records(minutes, signal)
      if (!call || !read) return 'unknown'
      const { queue, queueSeenAt, journal } = read

      const found = new Map<string, SendReceipt | 'unclear'>()
      // A record that cannot be read may be this message: nothing is then proof that it was not sent.
      let unreadable = queue.includes(UNREADABLE) || journal.includes(UNREADABLE)
      for (const entry of journal) {
        if (entry === UNREADABLE) continue
        const sameness = others?.has(entry.idMessage ?? '') ? 'other' : sameAsRecorded(call, entry)
        if (sameness === 'other') continue
        if (entry.idMessage == null || entry.timestamp == null) {
          unreadable = true
          continue
        }
        const at = entry.timestamp * 1000
        const inTime = at >= attempted - CLOCK_SKEW_MS && at <= attempted + longest(call) + QUEUE_MS
        const receipt = { providerMessageId: entry.idMessage, occurredAt: isoInstant(at) }
        found.set(entry.idMessage, sameness === 'same' && inTime ? receipt : 'unclear')
      }
      for (const [place, queued] of queue.entries()) {
        if (queued === UNREADABLE) continue
        const id = queued.messageID ?? queued.messagesIDs?.[0]
        if (id !== undefined && (found.has(id) || others?.has(id))) continue
        const sameness = sameAsQueued(call, queued)
        if (sameness === 'other') continue
        found.set(id ?? `place ${place}`, sameness === 'same' && id !== undefined ? { providerMessageId: id } : 'unclear')
      }
      const name = `${message.messageId} ${attemptedAt}`
      if (found.size > 0) return taken(name, [...found.values()])
      if (unreadable) return 'unknown'
      const ageMs = Math.max(elapsedByClock, elapsed)
      return absence(name, { queueSeenAt, callIsOver: elapsed + queueSeenAt - calledAt >= longest(call), ageMs })
    },
  }

  function longest({ method }: SendCall): number {
    return method === 'sendFileByUpload' ? api.options.uploadTimeoutMs : api.options.timeoutMs
  }

  function taken(name: string, found: readonly (SendReceipt | 'unclear')[]): SendReceipt | 'unknown' {
    absentSince.delete(name)
    const [only] = found
    return found.length > 1 || only === undefined || only === 'unclear' ? 'unknown' : only
  }

  function absence(
    name: string,
    { queueSeenAt, callIsOver, ageMs }: { queueSeenAt: number; callIsOver: boolean; ageMs: number },
  ): 'not-sent' | 'unknown' {
    // Until its time is up, the call itself may still be on its way.
    if (!callIsOver || ageMs > JOURNAL_MS) return 'unknown'
    const since = absentSince.get(name) ?? queueSeenAt
    absentSince.set(name, since)
    if (absentSince.size > MAX_REMEMBERED) absentSince.delete(absentSince.keys().next().value as string)
    if (queueSeenAt - since < JOURNAL_LATE_MS) return 'unknown'
    absentSince.delete(name)
    return 'not-sent'
  }
}

/** The call that the attempt made; nothing when such a message is refused before any call. */
function callOf(message: OutboundMessage): SendCall | undefined {
  try {
    // Whether a file can be opened now does not matter: both ways to send one leave the same record.
    return chooseCall(draftOf({ ...message, openMedia: () => Promise.reject(new Error('not opened to reconcile')) }))
  } catch (error) {
    if (isCommsError(error, 'send_rejected')) return undefined
    throw error
  }
}
