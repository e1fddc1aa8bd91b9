interface ProviderVariables {
  readonly credentials: string
  readonly address: string
}

const VARIABLES: Readonly<Record<string, ProviderVariables>> = {
  greenapi: { credentials: 'GREEN_API_INSTANCE_ID, GREEN_API_TOKEN', address: 'GREEN_API_URL' },
  twilio: { credentials: 'TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN', address: 'TWILIO_API_URL' },
  smtp: { credentials: 'SMTP_USER, SMTP_PASSWORD', address: 'SMTP_HOST, SMTP_PORT' },
}

/** Error codes of Node.js and OpenSSL for a host that does not exist, does not answer, or is another one than it says. */
const UNREACHABLE = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|timed out|ERR_TLS|CERT_|certificate/i

/** The environment variables to look at after a failure, by the provider's name in events and the failure's code and text. */
export function variablesFor(
  provider: string,
  { code, text = '' }: { readonly code: string; readonly text?: string | undefined },
): string | undefined {
  const variables = VARIABLES[provider]
  if (!variables) return undefined
  if (UNREACHABLE.test(text)) return variables.address
  return code === 'transport_misconfigured' ? variables.credentials : undefined
}
