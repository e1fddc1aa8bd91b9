import type { NotificationQueue } from './notification-queue.ts'
import type { Schedule } from './schedule.ts'
import type { GreenApiSettings } from './settings.ts'

/** https://green-api.com/en/docs/api/receiving/technology-webhook-endpoint/ */
const ANSWER_WITHIN_MS = 180_000
const PAUSE_MS = 60_000
const BETWEEN_MS = 20
/** How often an instance without a webhook URL looks whether it has one now. */
const LOOK_MS = 1_000

/** How many webhooks were answered with 200, and how many were not and came again. */
export interface Pushed {
  taken: number
  refused: number
}

/**
 * Posts the oldest notification until it is answered with 200, then the next: a webhook that is not taken blocks those behind it.
 */
export async function pushWebhooks(options: {
  queue: NotificationQueue
  schedule: Schedule
  settings: () => GreenApiSettings
  fetch: typeof globalThis.fetch
  pushed: Pushed
}): Promise<void> {
  const { queue, schedule, settings, fetch, pushed } = options
  const { stopped } = schedule
  while (!stopped.aborted) {
    const next = await queue.headWithin(LOOK_MS, stopped)
    if (!next || stopped.aborted) continue
    const { webhookUrl, webhookUrlToken } = settings()
    if (webhookUrl === '') {
      await schedule.pause(LOOK_MS)
      continue
    }
    const status = await post(webhookUrl, webhookUrlToken, next.body)
    if (stopped.aborted) return
    if (status === 200) {
      pushed.taken += 1
      queue.remove(next.receiptId)
      await betweenTwo()
    } else {
      pushed.refused += 1
      await schedule.pause(PAUSE_MS)
    }
  }

  async function post(url: string, token: string, body: string): Promise<number | undefined> {
    const authorization = token === '' ? {} : { authorization: /^(bearer|basic) /i.test(token) ? token : `Bearer ${token}` }
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorization },
        body,
        signal: AbortSignal.any([stopped, AbortSignal.timeout(Math.max(1, Math.round(schedule.scaled(ANSWER_WITHIN_MS))))]),
      })
      await response.arrayBuffer()
      return response.status
    } catch {
      return undefined
    }
  }

  /** A timer takes a millisecond at least: shorter waits are none. */
  async function betweenTwo(): Promise<void> {
    if (schedule.scaled(BETWEEN_MS) >= 1) await schedule.pause(BETWEEN_MS)
  }
}
