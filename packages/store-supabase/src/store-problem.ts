/** What is wrong with the log in the database, for `doctor` and readiness. */
export interface StoreProblem {
  readonly problem: string
  /** What the operator should do about it. */
  readonly remedy: string
  /** The log works as promised; this names a risk. */
  readonly warning?: boolean
}
