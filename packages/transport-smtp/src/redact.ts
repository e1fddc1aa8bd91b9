/** A function that takes these secrets out of a text: as they are, percent-encoded, in base64 alone and as AUTH PLAIN sends them. */
export function secretRedactor(secrets: readonly (string | undefined)[], user = ''): (text: string) => string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const spellings = secrets
    .filter((secret) => secret !== undefined)
    .flatMap((secret) => [secret, encodeURIComponent(secret), base64(secret), base64(`\0${user}\0${secret}`)])
    .sort((a, b) => b.length - a.length)
  return (text) => spellings.reduce((redacted, spelling) => redacted.replaceAll(spelling, '***'), text)
}
