import { CommsError } from '@pipe-comms/core'
import { failureClassOf, type MailStatus, providerCodeOf, readStatus } from '../failure-class.ts'
import type { CheckedOptions } from '../options.ts'
import { accountRefusal } from './account-refusals.ts'

/** Greylisting servers commonly want five minutes. */
const GREYLIST_MS = 300_000
/** RFC 5321 leaves the interval to the client; a busy server is given a minute. */
const LATER_MS = 60_000
/** Relays count by the hour. */
const QUOTA_MS = 3_600_000

/** The fields of nodemailer's errors that are looked at. Nothing of the error itself goes on: it may hold what the server was told. */
export interface MailError {
  readonly code?: string
  readonly originalCode?: string
  readonly command?: string
  readonly response?: string
  readonly responseCode?: number
  readonly message?: string
  readonly recipient?: string
}

/** What nodemailer's error says of the message. `complete`: all of it had gone out, so that a missing answer leaves its fate unknown. */
export function sendError(error: unknown, complete: boolean, options: CheckedOptions): CommsError {
  const { code = '', originalCode, command = '', response, responseCode, message = '' } = (error ?? {}) as MailError
  if (responseCode !== undefined) return refusal(command, readStatus(String(response)), complete, options)
  const reason = originalCode ?? code
  const text = (said: string) => options.redact(`SMTP: ${options.host}: ${said}`)
  if (code === 'EABORT' || complete) {
    const stopped = code === 'EABORT' ? 'sending was stopped' : `the connection broke (${reason})`
    return complete
      ? new CommsError('send_uncertain', text(`${stopped} after the whole message had gone out, before the answer`))
      : new CommsError('send_unavailable', text(`${stopped} before the message was complete`))
  }
  if (CERTIFICATE.has(reason) || code === 'ETLS')
    return new CommsError('transport_misconfigured', text(`no trusted TLS connection (${reason}): ${oneLine(message)}`))
  if (code === 'ENOAUTH' || code === 'EAUTH') return new CommsError('transport_misconfigured', text(`login failed: ${oneLine(message)}`))
  if (code === 'EENVELOPE') return new CommsError('send_rejected', text(oneLine(message)), { failure: 'recipient' })
  if (code === 'EMESSAGE') return new CommsError('send_rejected', text(oneLine(message)), { failure: 'content' })
  if (code === 'ESTREAM') return new CommsError('send_unavailable', text(`a file of the message could not be read: ${oneLine(message)}`))
  return new CommsError(
    'send_unavailable',
    text(`no connection, or it broke before the message was complete (${reason || 'unknown reason'})`),
  )
}

/** Among the codes of Node and OpenSSL for certificates and for TLS spoken to a port without it. */
const CERTIFICATE = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
  'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
])

/** A reply of the server, at the command it came to. */
function refusal(command: string, status: MailStatus, complete: boolean, options: CheckedOptions): CommsError {
  const said = options.redact(`SMTP: ${options.host}: ${command || 'the server'} was answered ${oneLine(status.text)}`)
  const providerCode = providerCodeOf(status)
  const detail = providerCode === undefined ? {} : { providerCode }
  const { reply = 0, text } = status
  if (isTooMuch(status)) return new CommsError('send_unavailable', said, { ...detail, retryAfterMs: QUOTA_MS })
  // 503 is a mistake in the dialogue, which a new one may not have.
  if (reply < 500 || (reply === 503 && !command.startsWith('AUTH'))) {
    const greylisted = /gr[ea]y|4\.7\.1\b|try again/i.test(text) && command === 'RCPT TO'
    return new CommsError('send_unavailable', said, { ...detail, retryAfterMs: greylisted ? GREYLIST_MS : LATER_MS })
  }
  if (isOurs(command, status)) return new CommsError('transport_misconfigured', said, detail)
  return new CommsError('send_rejected', said, { ...detail, failure: failureClassOf(status, complete) })
}

/** 5.4.5 of Google and 5.1.90 of Exchange Online say so; x.2.2 is the recipient's quota, not ours. */
function isTooMuch({ enhanced = '', text }: MailStatus): boolean {
  return /^5\.(4\.5|1\.90)$/.test(enhanced) || (accountRefusal(text) === 'too-much' && !enhanced.endsWith('.2.2'))
}

/** Enhanced codes that are about the sender. */
const SENDER_CODES = new Set(['5.1.7', '5.1.8', '5.7.60', '5.2.252', '5.7.57', '5.7.64', '5.7.705', '5.7.708', '5.7.750', '5.1.89'])

/** What is refused because of our account or settings, not because of this message: the next message would fare no better. */
function isOurs(command: string, { reply, enhanced, text }: MailStatus): boolean {
  if (reply === 530 || reply === 534 || reply === 535 || reply === 538) return true
  if (accountRefusal(text) === 'operator' || SENDER_CODES.has(enhanced ?? '')) return true
  if (command === 'MAIL FROM') return !(reply === 552 || enhanced === '5.3.4' || enhanced === '5.2.3')
  return !/^(RCPT TO|DATA)$/.test(command)
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 400)
}
