import type { CheckedOptions } from './options.ts'

/** Takes every credential of these options out of a text. Answers of the API and URLs in errors may echo them. */
export function redact(text: string, { accountSid, authToken, subaccounts, apiKey }: CheckedOptions): string {
  const secrets = [...authToken, ...Object.values(subaccounts).flat(), ...(apiKey ? [apiKey.secret] : [])]
  const spellings = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Buffer.from(`${accountSid}:${secret}`).toString('base64'),
    ...(apiKey ? [Buffer.from(`${apiKey.sid}:${secret}`).toString('base64')] : []),
  ])
  return spellings.reduce((redacted, spelling) => redacted.replaceAll(spelling, '***'), text)
}
