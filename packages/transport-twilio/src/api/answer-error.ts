import { CommsError, isCommsError } from '@pipe-comms/core'
import { meaningOf, OPTED_OUT } from '../error-codes.ts'
import type { CheckedOptions } from '../options.ts'
import { redact } from '../redact.ts'

/** Twilio counts requests under way, not a second's worth, and rarely says when to come back. https://www.twilio.com/docs/api/errors/20429 */
const RATE_LIMIT_MS = 1_000

interface Answer {
  readonly options: CheckedOptions
  /** What was called, for the message. */
  readonly what: string
  readonly retryAfterMs: number | undefined
}

/**
 * What an error of the SDK says about a send. Its own errors have a status and mostly a code; the table of codes decides, and not the
 * words, which change. What was thrown is not kept as the cause.
 */
export function answerError(error: unknown, { options, what, retryAfterMs }: Answer): CommsError {
  if (isCommsError(error)) return error
  const { status, code, message } = error as { status?: unknown; code?: unknown; message?: unknown }
  if (typeof status !== 'number') return new CommsError('send_uncertain', `Twilio: ${what} was answered with what cannot be read`)

  const providerCode = typeof code === 'number' ? String(code) : undefined
  const meaning = meaningOf(providerCode)
  const said = typeof message === 'string' && providerCode !== undefined ? redact(message, options).slice(0, 300) : ''
  const text = `Twilio: ${what} answered ${status}${providerCode ? `, code ${providerCode}` : ''}${said ? `: ${said}` : ''}`
  const details = providerCode === undefined ? {} : { providerCode }

  if (status === 429) return new CommsError('send_unavailable', text, { ...details, retryAfterMs: retryAfterMs ?? RATE_LIMIT_MS })
  // The message may have been taken before the answer was lost.
  if (status >= 500 || status < 400) return new CommsError('send_uncertain', text, details)
  if (providerCode === OPTED_OUT) return new CommsError('send_rejected', text, { ...details, failure: 'policy', optedOut: true })
  if (status === 401 || status === 403 || status === 404 || meaning?.fault === 'operator') {
    return new CommsError('transport_misconfigured', text, details)
  }
  if (meaning?.temporary) {
    return new CommsError('send_unavailable', text, { ...details, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
  }
  // A request that Twilio does not take and we do not know: it would not take it again either.
  return new CommsError('send_rejected', text, { ...details, failure: meaning?.fault ?? 'content' })
}
