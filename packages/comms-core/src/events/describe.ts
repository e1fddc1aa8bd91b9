/** Short and quoted for an error message; the type's name for what is no string. */
export function describe(value: unknown): string {
  if (typeof value !== 'string') return typeof value
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
}
