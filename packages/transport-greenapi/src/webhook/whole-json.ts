/**
 * Whether `JSON.parse` loses something that stands in a JSON text: digits of a number (`9007199254740993` becomes `…992`), or the first
 * value of a name that an object has twice. White space and the spelling of signs are no loss.
 * @param parsed what `JSON.parse` made of the text
 */
export function losesInParsing(text: string, parsed: unknown): boolean {
  try {
    // Most bodies are written without white space, and then this is proof enough.
    if (JSON.stringify(parsed) === text) return false
  } catch {
    // JSON.stringify recurses and JSON.parse does not: the body is nested too deeply to be written again.
    return true
  }
  return losesInTokens(text)
}

/** Strings, numbers and the signs that open, close and divide. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\],]/g

function losesInTokens(text: string): boolean {
  /** The names of each object that is open; `undefined` for a list. */
  const open: (Set<string> | undefined)[] = []
  let expectsName = false
  for (const [token] of text.matchAll(TOKEN)) {
    const first = token[0]
    if (first === '{') open.push(new Set())
    else if (first === '[') open.push(undefined)
    else if (first === '}' || first === ']') open.pop()
    else if (first === '"') {
      const names = open.at(-1)
      if (!names || !expectsName) continue
      const name = JSON.parse(token) as string
      if (names.has(name)) return true
      names.add(name)
    } else if (first !== ',' && losesDigits(token)) return true
    expectsName = first === '{' || (first === ',' && open.at(-1) !== undefined)
  }
  return false
}

/** The most that `toPrecision` takes. */
const MAX_DIGITS = 100

function losesDigits(written: string): boolean {
  const digits = significant(written)
  if (digits === '') return false
  // As JavaScript writes it: the shortest digits that are this number, which may round otherwise than toPrecision does.
  if (significant(String(Number(written))) === digits) return false
  return digits.length > MAX_DIGITS || significant(Number(written).toPrecision(digits.length)) !== digits
}

/** The digits of a number without its sign, point, exponent, and zeros in front and behind. */
function significant(number: string): string {
  return number
    .replace(/e.*$/i, '')
    .replace(/\D/g, '')
    .replace(/^0+|0+$/g, '')
}
