/** Thrown by a test about an ability that the subject does not have: the test is skipped, never passed. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable'

  /** The failure under a runner that cannot skip a test while it runs. */
  unskippable(test: string): Error {
    return new Error(
      `${this.message}, and this runner cannot skip a test while it runs: name it in knownGaps, such as { ${JSON.stringify(test)}: 'why' }`,
    )
  }
}

/** Skips the test that runs. `why` completes the sentence "skipped: …". */
export function notApplicable(why: string): never {
  throw new NotApplicable(why)
}

/** How the runner skips a test that runs: vitest and node:test by the context they pass, mocha by `this`. Absent where it cannot, as in jest. */
export function skipperOf(self: unknown, context: readonly unknown[]): ((why: string) => unknown) | undefined {
  for (const holder of [context[0], self]) {
    const skip = (holder as { skip?: unknown } | null | undefined)?.skip
    if (typeof skip === 'function') return (why) => skip.call(holder, why)
  }
  return undefined
}
