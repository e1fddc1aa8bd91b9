const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/**
 * When an unknown contact is asked for again, counted in milliseconds from its last event: soon, for a lead is often entered right after
 * the first call, and then ever less often. A month later only the directory's own word or a new message asks again.
 */
export const ASK_AGAIN_AFTER_MS: readonly number[] = [
  MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  HOUR,
  4 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  4 * DAY,
  7 * DAY,
  14 * DAY,
  30 * DAY,
]

/**
 * When to ask again for a contact whose last event was at `lastAt` and for which was last asked at `askedAt`, or not since the start. It
 * follows from the log and the time alone, so a restart loses nothing: it asks once for all who are still on the schedule. Nothing: never
 * by schedule. All in milliseconds.
 */
export function nextAsk(lastAt: number, askedAt: number | undefined, now: number, steps = ASK_AGAIN_AFTER_MS): number | undefined {
  if (askedAt === undefined) return now <= lastAt + (steps.at(-1) ?? 0) ? now : undefined
  const step = steps.find((ms) => lastAt + ms > askedAt)
  return step === undefined ? undefined : lastAt + step
}
