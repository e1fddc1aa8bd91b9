import { CommsError } from '@pipe-comms/core'

/** Ten refused requests in a minute lock our address out; one every five minutes never does. */
const REFUSED_RETRY_MS = 300_000

/**
 * What an answer other than success says. The reason stands in a header; the body may be empty, JSON or a proxy's HTML, and is not shown.
 * https://docs.espocrm.com/development/api/#error-codes
 */
export function answerError(what: string, response: Response, secrets: readonly (string | undefined)[]): CommsError {
  const { status, headers } = response
  let reason = headers.get('x-status-reason')?.slice(0, 300) ?? ''
  for (const secret of secrets) if (secret) reason = reason.replaceAll(secret, '***')
  const text = `EspoCRM: ${what} answered ${status}${reason ? `: ${reason}` : ''}`
  switch (status) {
    case 401:
      return new CommsError('directory_misconfigured', `${text}; the API key or its user is wrong`, { retryAfterMs: REFUSED_RETRY_MS })
    case 403:
      return new CommsError('directory_misconfigured', `${text}; the API user's role must allow it`, { retryAfterMs: REFUSED_RETRY_MS })
    case 400:
    case 404:
    case 409:
      return new CommsError('directory_misconfigured', text)
    default: {
      const seconds = Number(headers.get('retry-after'))
      return new CommsError('directory_unavailable', text, seconds > 0 ? { retryAfterMs: seconds * 1000 } : {})
    }
  }
}
