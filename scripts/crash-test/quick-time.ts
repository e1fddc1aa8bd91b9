import type { Clock, Sleep } from '@pipe-comms/core'

/** A world in which all times pass so many times quicker. Processes with the same epoch agree on the time. */
export interface QuickTime {
  readonly clock: Clock
  readonly sleep: Sleep
}

export function quickTime(epoch: number, speed: number): QuickTime {
  return {
    clock: { now: () => epoch + (Date.now() - epoch) * speed, monotonic: () => performance.now() * speed },
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve()
        const end = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', end)
          resolve()
        }
        const timer = setTimeout(end, ms / speed)
        signal.addEventListener('abort', end)
      }),
  }
}
