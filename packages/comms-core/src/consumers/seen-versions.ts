/**
 * Which versions of one stream were seen, as ranges without gaps between first and last: `[1, 40, 42, 42]` is 1 to 40, and 42.
 * Read in the order of the log it is one range, however long the stream.
 */
export type SeenVersions = number[]

/** Marks a version as seen. Whether it is seen for the first time. */
export function markSeen(seen: SeenVersions, version: number): boolean {
  let index = seen.length
  // From the end: what is new is nearly always the next one.
  while (index > 0 && (seen[index - 2] as number) > version) index -= 2
  const endBefore = seen[index - 1]
  if (endBefore !== undefined && endBefore >= version) return false
  const joinsBefore = endBefore === version - 1
  const joinsAfter = seen[index] === version + 1
  if (joinsBefore && joinsAfter) seen.splice(index - 1, 2)
  else if (joinsBefore) seen[index - 1] = version
  else if (joinsAfter) seen[index] = version
  else seen.splice(index, 0, version, version)
  return true
}
