import { CommsError } from '../errors.ts'
import { NO_LONGER_NEEDED, type Sleep, timeLimit } from '../pause.ts'
import type { EventStore } from '../store/event-store.ts'
import type { LogGrowth } from './log-growth.ts'
import { type MessageReport, reportMessage } from './message-report.ts'
import type { MessageStatus, RequestedMessage } from './send.ts'

/** What another instance records is seen at the latest after this. */
const LOOK_AGAIN_MS = 500

/** Events after which a message may have got further than before, as far as anybody waits for it. */
const ENDS = new Set(['message.sent', 'message.delivered', 'message.read', 'message.failed'])

/** The status of a message when it has got far enough, or at the latest after the time limit. */
export async function waitForMessage(
  { messageId, streamId, repeated }: RequestedMessage,
  { waitFor, timeoutMs = 30_000, signal }: { waitFor: 'sent' | 'delivered'; timeoutMs?: number; signal?: AbortSignal },
  { store, growth, sleep }: { store: EventStore; growth: LogGrowth; sleep: Sleep },
): Promise<MessageStatus> {
  const limit = timeLimit(timeoutMs, signal, sleep)
  try {
    for (let looks = repeated; ; looks = true) {
      const report = await watch(looks)
      if (report) return statusOf(report)
    }
  } finally {
    limit.end()
  }

  /** The report, when it says enough or the time is over; nothing when the log has grown and is to be read again. */
  async function watch(looks: boolean): Promise<MessageReport | undefined> {
    const round = new AbortController()
    const endRound = () => round.abort(NO_LONGER_NEEDED)
    limit.signal.addEventListener('abort', endRound)
    if (limit.signal.aborted) endRound()
    // Listen before reading, so that what is recorded meanwhile is not missed.
    const grown = growth.next(streamId, ({ type }) => ENDS.has(type), round.signal)
    try {
      // What was recorded a moment ago was not sent yet.
      if (looks) {
        const report = await statusReport(messageId, store)
        if (limit.signal.aborted || hasReached(report, waitFor)) return report
      }
      await Promise.race([grown, sleep(LOOK_AGAIN_MS, round.signal)])
      return undefined
    } finally {
      limit.signal.removeEventListener('abort', endRound)
      endRound()
    }
  }
}

/** The status of a message that the log has taken. */
export async function currentStatus(messageId: string, store: EventStore): Promise<MessageStatus> {
  return statusOf(await statusReport(messageId, store))
}

async function statusReport(messageId: string, store: EventStore): Promise<MessageReport> {
  const report = await reportMessage(store, messageId)
  if (report) return report
  throw new CommsError('store_unavailable', `The log does not show the message ${messageId} that it has taken`)
}

/** Failing is an end too. */
function hasReached({ status, since }: MessageReport, waitFor: 'sent' | 'delivered'): boolean {
  if (status === 'failed' || status === 'read' || status === 'delivered') return true
  return waitFor === 'sent' && since.sent !== undefined
}

function statusOf({ messageId, status, providerMessageId, failure, next }: MessageReport): MessageStatus {
  return {
    messageId,
    status,
    ...(providerMessageId === undefined ? {} : { providerMessageId }),
    ...(failure === undefined ? {} : { failure }),
    ...(next === undefined ? {} : { next }),
  }
}
