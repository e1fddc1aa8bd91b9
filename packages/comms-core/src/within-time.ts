import { timeLimit } from './pause.ts'

/** Settles as the promise does, or after this many milliseconds with an error. What was waited for goes on; its end is then ignored. */
export function withinTime<T>(ms: number, waited: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const limit = timeLimit(ms)
    limit.signal.addEventListener('abort', () => reject(late()))
    waited.then(resolve, reject).finally(() => limit.end())
  })
}
