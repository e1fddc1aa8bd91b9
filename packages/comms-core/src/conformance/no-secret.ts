import { expectTrue } from './runner.ts'

/** Searches a value and everything hidden in it: causes, non-enumerable fields, headers. */
export function expectNoSecret(value: unknown, secrets: readonly string[], where: string): void {
  const seen = new Set<unknown>()
  const texts: string[] = []
  const visit = (part: unknown) => {
    if (typeof part === 'string') texts.push(part)
    if (typeof part !== 'object' || part === null || seen.has(part)) return
    seen.add(part)
    if (part instanceof Headers)
      part.forEach((text) => {
        texts.push(text)
      })
    for (const key of Object.getOwnPropertyNames(part)) visit((part as Record<string, unknown>)[key])
  }
  visit(value)
  for (const secret of secrets) {
    const spellings = [secret, encodeURIComponent(secret), btoa(secret)]
    expectTrue(!texts.some((text) => spellings.some((spelling) => text.includes(spelling))), `a secret is in the ${where}`)
  }
}
