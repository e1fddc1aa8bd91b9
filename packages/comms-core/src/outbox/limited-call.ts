import { NO_LONGER_NEEDED, type Sleep, timeLimit } from '../pause.ts'

/** How long foreign code has to end after its signal was aborted, to say better than we can what it knows. */
const GRACE_MS = 500

export interface LimitedCall<Result> {
  readonly limitMs: number
  /** Ends the call early. */
  readonly parent: AbortSignal
  readonly sleep: Sleep
  readonly call: (signal: AbortSignal) => Promise<Result>
  /** The call has not ended although its signal was aborted: it is waited for no longer. */
  readonly onAbandoned?: () => void
  /** An abandoned call has ended after all; `result` when it did not fail. */
  readonly onLate?: (late: { readonly result?: Result }) => void
}

/** What an abandoned call rejects with. */
export class AbandonedCall extends Error {
  override readonly name = 'AbandonedCall'
}

/**
 * Calls foreign code within a time limit that holds whether or not the code heeds its signal.
 * @throws what the call throws, or {@link AbandonedCall} when it does not end in time.
 */
export async function limitedCall<Result>(options: LimitedCall<Result>): Promise<Result> {
  const { limitMs, parent, sleep, call, onAbandoned, onLate } = options
  const limit = timeLimit(limitMs, parent, sleep)
  const ended = new AbortController()
  let abandoned = false
  // Not called at once: what it throws outside its promise is a rejection too.
  const calling = Promise.resolve().then(() => call(limit.signal))
  calling.then(
    (result) => abandoned && onLate?.({ result }),
    () => abandoned && onLate?.({}),
  )
  const overdue = new Promise<never>((_, reject) => {
    const wait = async () => {
      await sleep(GRACE_MS, ended.signal)
      if (ended.signal.aborted) return
      abandoned = true
      onAbandoned?.()
      reject(new AbandonedCall(`it did not end within ${limitMs} ms, nor when its signal was aborted`))
    }
    limit.signal.addEventListener('abort', () => void wait(), { once: true })
    if (limit.signal.aborted) void wait()
  })
  try {
    return await Promise.race([calling, overdue])
  } finally {
    ended.abort(NO_LONGER_NEEDED)
    limit.end()
  }
}
