/**
 * PostgreSQL's text and jsonb hold neither NUL nor half a surrogate pair (https://www.postgresql.org/docs/15/datatype-json.html). They go
 * in as ␀ (U+2400) and the four hex digits of the code unit, and so does ␀ itself, so that every text comes back as it was.
 */
const MARK = '\u2400'
const UNUSUAL_IN_JSON = /\\u(?:0000|d[89a-f])|\u2400/
/** Any escape is one token, so that an escaped backslash before `u0000` is not taken for the NUL. */
const TOKEN = /\\(?:u(0000|d[89a-f][0-9a-f]{2})|[\s\S])|\u2400/g
const UNUSUAL_IN_NAME = /[\0\u2400\ud800-\udfff]/

/** JSON text as `JSON.stringify` writes it, so that jsonb can hold it. */
export function toJsonb(json: string): string {
  if (!UNUSUAL_IN_JSON.test(json)) return json
  return json.replace(TOKEN, (token, hex?: string) => (hex !== undefined ? MARK + hex : token === MARK ? `${MARK}2400` : token))
}

/** A name as it stands in a column of text. */
export function toColumn(name: string): string {
  return UNUSUAL_IN_NAME.test(name) ? JSON.parse(toJsonb(JSON.stringify(name))) : name
}

/** Whether {@link fromJsonb} would change anything in a value with this JSON text. */
export function isMarked(json: string): boolean {
  return json.includes(MARK)
}

/** A parsed value with every text in it as it was before {@link toJsonb}. Changes the value it is given. */
export function fromJsonb(value: unknown): unknown {
  if (typeof value === 'string') return isMarked(value) ? restored(value) : value
  if (typeof value !== 'object' || value === null) return value
  const record = value as Record<string, unknown>
  for (const key of Object.keys(record)) {
    const before = record[key]
    const after = fromJsonb(before)
    if (isMarked(key)) {
      delete record[key]
      record[restored(key)] = after
    } else if (after !== before) {
      record[key] = after
    }
  }
  return value
}

function restored(text: string): string {
  return text.replace(/\u2400([0-9a-f]{4})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
