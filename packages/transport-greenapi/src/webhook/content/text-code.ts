/** Codes that stand where a text or a URL should be. https://green-api.com/en/docs/api/common-errors/ */
const MEANINGS: Readonly<Record<string, string>> = {
  SWE001: 'not-delivered-to-linked-devices',
  SWE002: 'over 100 MB',
  SWE003: 'undecryptable',
}

/** What the code says, when the whole text is one; its own name in small letters when it is not known. */
export function meaningOfCode(text: string): string | undefined {
  const code = /^\s*\{\{(SWE\d+)\}\}\s*$/.exec(text)?.[1]
  return code === undefined ? undefined : (MEANINGS[code] ?? code.toLowerCase())
}

/** A text, or the flag of the code that stands in its place. */
export function readText(text: string | undefined): { readonly text?: string; readonly flag?: string } {
  if (text === undefined) return {}
  const flag = meaningOfCode(text)
  return flag === undefined ? { text } : { flag }
}
