import { z } from 'zod'
import { callback, checkOf, clockOption, optionsObject, type Shape, wholeNumber } from '../check-options.ts'
import { type Sleep, timerSleep } from '../pause.ts'
import { type Clock, systemClock } from '../runtime.ts'
import type { SendLimit } from './transport.ts'

/** Keeps the calls of this process under a provider's limit; each call waits its turn, in order. */
export interface RateLimiter {
  /** Waits until one more call is allowed, and counts it. Rejects with the signal's reason when it is aborted first; that call is not counted. */
  take(signal: AbortSignal): Promise<void>
  /** Counts a call that was made at this time of the monotonic clock, such as one that the log holds from before a restart. */
  note(atMs: number): void
  /** Milliseconds until one more call is allowed; 0 when it is now. */
  waitMs(): number
}

const limitShape: Shape<SendLimit> = { messages: wholeNumber(1), perMs: wholeNumber(1) }
const limiterOptions = optionsObject<{ clock: unknown; sleep: unknown }>({ clock: clockOption.optional(), sleep: callback.optional() })
const checkLimiter = checkOf('rateLimiter', z.object({ limit: optionsObject(limitShape), options: limiterOptions }))

/**
 * A sliding window: never more than `messages` calls in any span of `perMs` milliseconds.
 * @throws CommsError `configuration_invalid`, naming each option that is missing, wrong or unknown.
 * @example
 * const limiter = rateLimiter({ messages: 50, perMs: 1000 })
 */
export function rateLimiter(limit: SendLimit, options: { readonly clock?: Clock; readonly sleep?: Sleep } = {}): RateLimiter {
  checkLimiter({ limit, options })
  const { clock = systemClock, sleep = timerSleep } = options
  // The newest `messages` calls, oldest first: only these can be in the way.
  const calls: number[] = []
  let turn: Promise<unknown> = Promise.resolve()

  const note = (at: number) => {
    let place = calls.length
    while (place > 0 && (calls[place - 1] as number) > at) place -= 1
    calls.splice(place, 0, at)
    if (calls.length > limit.messages) calls.shift()
  }
  const waitMs = () => (calls.length < limit.messages ? 0 : Math.max(0, (calls[0] as number) + limit.perMs - clock.monotonic()))
  const takeNow = async (signal: AbortSignal) => {
    for (let ms = waitMs(); ms > 0; ms = waitMs()) {
      await sleep(ms, signal)
      signal.throwIfAborted()
    }
    signal.throwIfAborted()
    note(clock.monotonic())
  }

  return {
    take(signal) {
      const mine = turn.then(() => takeNow(signal))
      turn = mine.catch(() => undefined)
      return mine
    },
    note,
    waitMs,
  }
}
