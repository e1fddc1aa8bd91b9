import { CommsError } from '@pipe-comms/core'

/** Checking numbers too often closes that door for about this long. */
const CHECK_LIMIT_MS = 2 * 3_600_000
/** The rate limiter counts by the second. */
const RATE_LIMIT_MS = 1_000
const STARTING_MS = 60_000

/**
 * What an answer other than success says about a send. Bodies are sometimes JSON, sometimes text, sometimes empty.
 * https://green-api.com/en/docs/api/common-errors/
 */
export function answerError(method: string, status: number, body: string): CommsError {
  const said = messageIn(body)
  const text = `Green-API: ${method} answered ${status}${said ? `: ${said}` : ''}`
  const providerCode = String(status)
  switch (status) {
    case 400:
      return badRequest(text, said)
    case 401:
    case 403:
    case 404:
      return new CommsError('transport_misconfigured', text, { providerCode })
    case 413:
      return new CommsError('send_rejected', text, { providerCode, failure: 'content' })
    case 429:
      return new CommsError('send_unavailable', text, { providerCode, retryAfterMs: RATE_LIMIT_MS })
    case 466:
      return new CommsError('send_rejected', text, { providerCode, failure: 'policy' })
    case 469:
      return new CommsError('send_unavailable', text, { providerCode, retryAfterMs: CHECK_LIMIT_MS })
    default:
      // 499 and 5xx among them: the message may have been taken before the answer was lost.
      return new CommsError('send_uncertain', text, { providerCode })
  }
}

function badRequest(text: string, said: string): CommsError {
  const providerCode = '400'
  if (/starting/i.test(said)) return new CommsError('send_unavailable', text, { providerCode, retryAfterMs: STARTING_MS })
  if (/not authorized|expired|deleted|webhook url/i.test(said)) return new CommsError('transport_misconfigured', text, { providerCode })
  return new CommsError('send_rejected', text, { providerCode, failure: /chatId/i.test(said) ? 'recipient' : 'content' })
}

/** The words of the answer alone: the rest of the body echoes the request, the token in its path included. */
function messageIn(body: string): string {
  let said: unknown = body
  try {
    const { message, invokeStatus, correspondentsStatus } = JSON.parse(body) as Record<string, { status?: unknown; description?: unknown }>
    said =
      message ??
      [correspondentsStatus, invokeStatus]
        .map((quota) => quota?.status)
        .filter(Boolean)
        .join(', ')
  } catch {
    // Plain text.
  }
  return typeof said === 'string' ? said.slice(0, 300) : ''
}
