import { CommsError } from '@pipe-comms/core'
import type { CheckedOptions } from '../options.ts'
import type { MethodAnswer, MethodCall } from './call.ts'
import { withoutSecrets } from './secrets.ts'

/** Checking numbers too often closes that door for about this long. */
const CHECK_LIMIT_MS = 2 * 3_600_000
/** The rate limiter counts by the second. */
const RATE_LIMIT_MS = 1_000
const STARTING_MS = 60_000
const MAX_CHARACTERS = 300

/**
 * What an answer other than success says. Bodies are sometimes JSON, sometimes text, sometimes empty; a lost answer is what the call
 * says it is. https://green-api.com/en/docs/api/common-errors/
 */
export function answerError(options: CheckedOptions, { method, lost }: MethodCall, { status, text: body }: MethodAnswer): CommsError {
  const said = withoutSecrets(wordsOf(body), options).slice(0, MAX_CHARACTERS)
  const text = `Green-API: ${method} answered ${status}${said ? `: ${said}` : ''}`
  const providerCode = String(status)
  switch (status) {
    case 400:
      return badRequest(text, said)
    case 401:
    case 403:
    case 404:
    case 405:
      return new CommsError('transport_misconfigured', text, { providerCode })
    case 413:
    case 415:
      return new CommsError('send_rejected', text, { providerCode, failure: 'content' })
    case 429:
      return new CommsError('send_unavailable', text, { providerCode, retryAfterMs: RATE_LIMIT_MS })
    case 466:
      return new CommsError('send_rejected', `${text} (until the 1st of the month, or a larger plan)`, { providerCode, failure: 'policy' })
    case 469:
      return new CommsError('send_unavailable', text, { providerCode, retryAfterMs: CHECK_LIMIT_MS })
    default:
      // A redirect comes from another service than Green-API's.
      if (status >= 300 && status < 400) return new CommsError('transport_misconfigured', text, { providerCode })
      // 499 and 5xx among them: the message may have been taken before the answer was lost.
      return new CommsError(lost, text, { providerCode })
  }
}

function badRequest(text: string, said: string): CommsError {
  const providerCode = '400'
  if (/starting/i.test(said)) return new CommsError('send_unavailable', text, { providerCode, retryAfterMs: STARTING_MS })
  if (/not authorized|expired|deleted|webhook url/i.test(said)) return new CommsError('transport_misconfigured', text, { providerCode })
  return new CommsError('send_rejected', text, { providerCode, failure: /chatId/i.test(said) ? 'recipient' : 'content' })
}

/** The words alone: the rest of the body echoes the request. Of a quota, both statuses: one may be allowed while the other is exceeded. */
function wordsOf(body: string): string {
  try {
    const { message, invokeStatus, correspondentsStatus } = JSON.parse(body) as Record<string, { status?: unknown }>
    if (typeof message === 'string') return message
    return [correspondentsStatus, invokeStatus]
      .map((quota) => quota?.status)
      .filter((status) => typeof status === 'string')
      .join(', ')
  } catch {
    // Pages of proxies say nothing that helps.
    return body.trimStart().startsWith('<') ? '' : body
  }
}
