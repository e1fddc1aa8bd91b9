import type { Faults } from './faults.ts'
import type { Pending } from './pending.ts'
import type { Schedule } from './schedule.ts'

interface QueuedNotification {
  readonly receiptId: number
  readonly body: string
  readonly queuedAt: number
}

/** What the instance has to say, first in, first out. */
export interface NotificationQueue {
  add(notification: object): void
  /** The oldest one; the same until it is removed. Those older than 24 hours are gone. */
  head(): QueuedNotification | undefined
  /** Waits so many milliseconds of the real service for one to be there. */
  headWithin(ms: number, signal: AbortSignal): Promise<QueuedNotification | undefined>
  remove(receiptId: number): boolean
  size(): number
}

const DAY_MS = 86_400_000
/** A notification that waits for the one it lets pass comes by itself after this. */
const REORDER_MS = 60_000

export function createNotificationQueue(options: {
  faults: Faults
  schedule: Schedule
  pending: Pending
  clock: { now(): number }
}): NotificationQueue {
  const { faults, schedule, pending, clock } = options
  const queue: QueuedNotification[] = []
  let heldBack: string | undefined
  let wake: (() => void)[] = []
  let receipts = 0
  let novelties = 0

  const put = (body: string) => {
    receipts += 1
    queue.push({ receiptId: receipts, body, queuedAt: clock.now() })
    for (const end of wake) end()
    wake = []
  }
  const letGo = (body: string) => {
    if (heldBack !== body) return
    heldBack = undefined
    put(body)
  }
  const also = (body: string) => {
    pending.begin()
    put(body)
  }
  const shift = () => {
    queue.shift()
    pending.end()
  }

  const head = () => {
    while (queue[0] && clock.now() - queue[0].queuedAt > schedule.scaled(DAY_MS)) shift()
    return queue[0]
  }

  return {
    add(notification) {
      const body = JSON.stringify(notification)
      const struck = faults.strike('notification')
      const has = (what: string) => struck.find((fault) => fault.do === what)
      pending.begin()
      novelties += 1
      if (has('unknown-type')) also(JSON.stringify({ ...notification, typeWebhook: 'novelty', novelty: novelties }))
      if (has('malformed')) also(`{"malformed":${novelties},`)
      const delay = has('delay')
      if (delay?.do === 'delay') return schedule.after(delay.delayMs, () => put(body))
      if (has('duplicate')) also(body)
      if (has('reorder') && heldBack === undefined) {
        heldBack = body
        schedule.after(REORDER_MS, () => letGo(body))
        return
      }
      put(body)
      if (heldBack !== undefined) letGo(heldBack)
    },
    head,
    async headWithin(ms, signal) {
      if (head()) return head()
      const found = new AbortController()
      let over = false
      const timer = schedule.pause(ms, AbortSignal.any([signal, found.signal])).then(() => {
        over = true
      })
      while (!head() && !over) await Promise.race([new Promise<void>((resolve) => wake.push(resolve)), timer])
      found.abort()
      return signal.aborted ? undefined : head()
    },
    remove(receiptId) {
      if (queue[0]?.receiptId !== receiptId) return false
      shift()
      return true
    },
    size: () => queue.length + (heldBack === undefined ? 0 : 1),
  }
}
