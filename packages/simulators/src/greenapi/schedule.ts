/** The times of the real service, made shorter. Every wait ends when the schedule is stopped. */
export interface Schedule {
  /** Milliseconds on this machine that stand for so many of the real service. */
  scaled(ms: number): number
  /** Runs after so many milliseconds of the real service, unless stopped before. */
  after(ms: number, run: () => void): void
  /** Waits so many milliseconds of the real service; shorter when the signal is aborted or the schedule stopped. */
  pause(ms: number, signal?: AbortSignal): Promise<void>
  readonly stopped: AbortSignal
  stop(): void
}

export function createSchedule(speed: number): Schedule {
  const stopping = new AbortController()
  const waits = new Set<() => void>()
  stopping.signal.addEventListener('abort', () => {
    for (const end of waits) end()
  })
  const scaled = (ms: number) => ms / speed

  return {
    scaled,
    stopped: stopping.signal,
    stop: () => stopping.abort(),
    after(ms, run) {
      if (stopping.signal.aborted) return
      const cancel = () => clearTimeout(timer)
      const timer = setTimeout(() => {
        waits.delete(cancel)
        run()
      }, scaled(ms))
      waits.add(cancel)
    },
    pause: (ms, signal) =>
      new Promise((resolve) => {
        if (stopping.signal.aborted || signal?.aborted) return resolve()
        const end = () => {
          clearTimeout(timer)
          waits.delete(end)
          signal?.removeEventListener('abort', end)
          resolve()
        }
        const timer = setTimeout(end, scaled(ms))
        waits.add(end)
        signal?.addEventListener('abort', end)
      }),
  }
}
