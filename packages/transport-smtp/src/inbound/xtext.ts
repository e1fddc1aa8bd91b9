/**
 * A text that may be written as xtext (https://www.rfc-editor.org/rfc/rfc3461#section-4): Postfix writes the original recipient decoded,
 * others as it was given. `alex+2026@example.org` is either the address itself or ` 26@example.org`. Known texts decide; without one,
 * only what xtext must encode is decoded: `+`, `=`, and what is not printable ASCII.
 * @param known texts that are likely, lower case
 */
export function readXtext<Value extends string | undefined>(value: Value, known: readonly string[] = []): Value {
  if (value === undefined || !value.includes('+')) return value
  const decoded = decode(value)
  if (known.includes(value.toLowerCase()) || decoded === undefined) return value
  return (known.includes(decoded.toLowerCase()) || mustBeEncoded(value) ? decoded : value) as Value
}

/** Nothing when it is not xtext of UTF-8: a `+` is followed by two hexadecimal digits in upper case, and `=` is always encoded. */
function decode(value: string): string | undefined {
  if (/\+(?![0-9A-F]{2})|=/.test(value)) return undefined
  const bytes = value.replace(/\+([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  const decoded = Buffer.from(bytes, 'latin1').toString()
  return decoded.includes('\ufffd') ? undefined : decoded
}

function mustBeEncoded(value: string): boolean {
  return [...value.matchAll(/\+([0-9A-F]{2})/g)].every(([, hex = '']) => {
    const code = Number.parseInt(hex, 16)
    return code === 0x2b || code === 0x3d || code >= 0x7f
  })
}
