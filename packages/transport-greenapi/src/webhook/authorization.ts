/** The token of an `Authorization` header or of a setting, without its scheme, which servers were seen to write twice. */
export function withoutScheme(value: string): string {
  return value.trim().replace(/^((bearer|basic)(\s+|$)){1,2}/i, '')
}
