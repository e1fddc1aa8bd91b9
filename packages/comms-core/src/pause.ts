/** Waits this many milliseconds, or shorter when the signal is aborted: it then resolves at once. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>

/** A timer that is asked for more goes off at once: https://developer.mozilla.org/en-US/docs/Web/API/Window/setTimeout#maximum_delay_value */
const LONGEST_TIMER_MS = 2_147_483_647

export const timerSleep: Sleep = (ms, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    let timer: ReturnType<typeof setTimeout>
    const wait = (left: number) => {
      timer = left > LONGEST_TIMER_MS ? setTimeout(() => wait(left - LONGEST_TIMER_MS), LONGEST_TIMER_MS) : setTimeout(end, left)
    }
    wait(ms)
    signal.addEventListener('abort', end)
  })

/**
 * The wait before the next try, in milliseconds: doubles from `firstMs` up to `maxMs`, and a random half of it is left off, so that those
 * who failed together do not come back together.
 */
export function backOffMs(tries: number, { firstMs, maxMs }: { firstMs: number; maxMs: number }, random: () => number): number {
  const longest = Math.min(maxMs, firstMs * 2 ** (tries - 1))
  return Math.round(longest * (1 - random() / 2))
}

/**
 * Why a wait that nobody needs any more is aborted. Without a reason of its own, each abort makes an error with its stack, which costs
 * more than the wait.
 */
export const NO_LONGER_NEEDED = new Error('no longer needed')

/** A signal with an end, see {@link timeLimit}. */
export interface TimeLimit {
  readonly signal: AbortSignal
  /** Lets go of the timer and of the parent. */
  end(): void
}

/**
 * A signal that is aborted after this many milliseconds, with a `TimeoutError`, or with `parent`, for what its caller ends:
 * `AbortSignal.timeout` and `AbortSignal.any` keep their timer, and all that hangs on it, until the time is over.
 * @param sleep waits instead of a timer @default timerSleep
 */
export function timeLimit(ms: number, parent?: AbortSignal, sleep: Sleep = timerSleep): TimeLimit {
  const limit = new AbortController()
  const stop = () => limit.abort(parent?.reason)
  const cancel = after(ms, sleep, () => limit.abort(new DOMException(`the time limit of ${ms} ms is over`, 'TimeoutError')))
  parent?.addEventListener('abort', stop)
  if (parent?.aborted) stop()
  return {
    signal: limit.signal,
    end: () => {
      parent?.removeEventListener('abort', stop)
      cancel()
    },
  }
}

/** Runs after this many milliseconds, unless it is cancelled. */
function after(ms: number, sleep: Sleep, run: () => void): () => void {
  if (sleep === timerSleep && ms <= LONGEST_TIMER_MS) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  }
  const cancelled = new AbortController()
  void sleep(Math.max(0, ms), cancelled.signal).then(() => {
    if (!cancelled.signal.aborted) run()
  })
  return () => cancelled.abort(NO_LONGER_NEEDED)
}
