/** One promise about faults, and the tests that prove it. */
export interface Row {
  readonly row: string
  /** What holds, as a user would say it. */
  readonly says: string
  /** Test files, each with the names of its tests or of the groups they are in. */
  readonly proof: Readonly<Record<string, readonly string[]>>
}
