/** Counts the readings of the log, so that a step can wait for one that began after it and came to the end of the log. */
export class ReadingRounds {
  #begun = 0
  #waiting: { readonly begun: number; readonly resolve: () => void }[] = []

  /** A reading begins. */
  begin(): void {
    this.#begun += 1
  }

  /** The reading that began last has come to the end of the log. */
  end(): void {
    const waiting = this.#waiting
    this.#waiting = waiting.filter(({ begun }) => begun >= this.#begun)
    for (const { begun, resolve } of waiting) if (begun < this.#begun) resolve()
  }

  /** Resolves when a reading that begins from now on has come to the end of the log, or when the signal is aborted. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve()
      const end = () => {
        signal.removeEventListener('abort', end)
        resolve()
      }
      signal.addEventListener('abort', end)
      this.#waiting.push({ begun: this.#begun, resolve: end })
    })
  }
}
