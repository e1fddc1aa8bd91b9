/** Whether JSON might escape something in the text. */
const UNUSUAL = /["\\\p{Cc}\p{Cs}]/u

/**
 * A name as it stands in a TEXT column: escaped as in JSON, without the quotes. SQLite text is UTF-8 and ends for some of its
 * functions at a NUL, so that half a surrogate pair or a NUL would make two names one. Ordinary names look as they are.
 */
export function toColumn(name: string): string {
  return UNUSUAL.test(name) ? JSON.stringify(name).slice(1, -1) : name
}

/** The name that {@link toColumn} was given. */
export function fromColumn(column: string): string {
  return JSON.parse(`"${column}"`)
}
