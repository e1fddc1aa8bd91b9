import { type RateLimiter, rateLimiter } from '@pipe-comms/core'
import type { CheckedOptions } from '../options.ts'

/** Calls a second that Green-API takes of one method and instance. https://green-api.com/en/docs/api/ratelimiter/ */
export const SENDS_PER_SECOND = 50
const PER_SECOND: Readonly<Record<string, number>> = { receiveNotification: 100, deleteNotification: 100 }
const SENDING = /^(send|forward)/

export interface RateLimits {
  /** Waits for this method's turn. @throws the signal's reason when it is aborted first. */
  take(method: string, signal: AbortSignal): Promise<void>
}

/** Every method has a limit of its own. */
export function rateLimits({ clock, sleep }: Pick<CheckedOptions, 'clock' | 'sleep'>): RateLimits {
  const limiters = new Map<string, RateLimiter>()
  return {
    take(method, signal) {
      const messages = PER_SECOND[method] ?? (SENDING.test(method) ? SENDS_PER_SECOND : 1)
      const limiter = limiters.get(method) ?? rateLimiter({ messages, perMs: 1_000 }, { clock, sleep })
      limiters.set(method, limiter)
      return limiter.take(signal)
    },
  }
}
