import type { CheckedOptions } from '../options.ts'

/**
 * Takes our secrets out of what Green-API wrote: a refusal echoes the path of the call, and with it the token.
 * https://green-api.com/en/docs/api/common-errors/
 */
export function withoutSecrets(text: string, { apiToken, webhookToken }: Pick<CheckedOptions, 'apiToken' | 'webhookToken'>): string {
  const bare = webhookToken?.replace(/^((bearer|basic)\s+)+/i, '')
  const secrets = [apiToken, webhookToken, bare].filter((secret) => secret !== undefined && secret !== '') as string[]
  // Longest first, so that one secret inside another leaves no rest.
  const spellings = secrets.flatMap(spellingsOf).sort((a, b) => b.length - a.length)
  return spellings.reduce((clean, spelling) => clean.replaceAll(spelling, '***'), text)
}

/** As it is, as it stands in a URL, in JSON, and in base64. */
function spellingsOf(secret: string): string[] {
  const inUrl = encodeURIComponent(secret)
  const lowerCase = inUrl.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())
  return [secret, inUrl, lowerCase, JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64')]
}
