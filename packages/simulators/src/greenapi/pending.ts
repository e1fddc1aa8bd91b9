/** Counts what is still under way, so that a test can wait until all is quiet. */
export interface Pending {
  begin(): void
  end(): void
  /** Resolves when nothing is under way, at once when that is now. */
  quiet(): Promise<void>
}

export function createPending(): Pending {
  let count = 0
  let waiting: (() => void)[] = []
  return {
    begin: () => {
      count += 1
    },
    end: () => {
      count -= 1
      if (count > 0) return
      for (const resolve of waiting) resolve()
      waiting = []
    },
    quiet: () => (count === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  }
}
