/**
 * What went wrong, for a program to act on. Codes are API: they change only with a major version; messages may change at any time.
 *
 * | code | says | what the caller can do |
 * |---|---|---|
 * | `address_invalid` | not a phone number, e-mail address, chat id or sender name | correct the input |
 * | `event_invalid` | the event breaks the schema, or can never be stored | correct the input; never repeated as it is |
 * | `configuration_invalid` | an option is missing, wrong or unknown | correct the configuration |
 * | `request_invalid` | an argument of a call is missing, wrong or unknown | correct the call |
 * | `position_invalid` | not a position this store gave out | start from the beginning or from a known position |
 * | `store_unavailable` | the store cannot be reached or written now; nothing was acknowledged | try again later |
 * | `store_misconfigured` | the store's database is not set up for this release: tables or functions are missing or older, or it is not PostgreSQL | an operator must act |
 * | `store_overloaded` | too much is waiting for the store | try again later |
 * | `store_locked` | another process writes to this log | stop the other process |
 * | `store_corrupt` | the stored log is not what this store wrote | an operator must look |
 * | `store_closed` | `close()` was called before | programming error |
 * | `webhook_unverified` | the request does not prove that it comes from the provider | answered 401 or 403, nothing recorded |
 * | `webhook_unparsable` | verified, but not understood | quarantined raw, answered with success |
 * | `webhook_too_large` | the body, or what it decodes to, is over the limit | answered 413 |
 * | `webhook_unreadable` | the body is not the one that was sent: read before, cut off, changed, or in an unknown encoding | answered 400 or 415, nothing recorded |
 * | `send_rejected` | final: this message will never be taken; see `failure` | correct the message |
 * | `request_conflict` | the idempotency key was used for another request | use a key of its own for each message |
 * | `send_unavailable` | certainly not sent; see `retryAfterMs` | try again later |
 * | `send_uncertain` | may have been sent | reconcile with the provider, do not repeat blindly |
 * | `media_refused` | a file of a message is too large, of another type, or elsewhere than at the provider | leave it |
 * | `media_unavailable` | a file of a message cannot be fetched now, or exists no more | try again later |
 * | `directory_unavailable` | the lead directory cannot be asked now; see `retryAfterMs` | try again later |
 * | `directory_misconfigured` | the lead directory refuses our credentials or rights | an operator must act |
 * | `transport_misconfigured` | credentials, account or settings are wrong | an operator must act |
 */
export type CommsErrorCode =
  | 'address_invalid'
  | 'event_invalid'
  | 'configuration_invalid'
  | 'request_invalid'
  | 'position_invalid'
  | 'store_unavailable'
  | 'store_misconfigured'
  | 'store_overloaded'
  | 'store_locked'
  | 'store_corrupt'
  | 'store_closed'
  | 'webhook_unverified'
  | 'webhook_unparsable'
  | 'webhook_too_large'
  | 'webhook_unreadable'
  | 'send_rejected'
  | 'request_conflict'
  | 'send_unavailable'
  | 'send_uncertain'
  | 'media_refused'
  | 'media_unavailable'
  | 'directory_unavailable'
  | 'directory_misconfigured'
  | 'transport_misconfigured'

/** Whose fault a final failure is: the other party's address, what was sent, our settings, the provider, or a rule (consent, quota). */
export type FailureClass = 'recipient' | 'content' | 'configuration' | 'provider' | 'policy'

export interface CommsErrorDetails {
  /** The error that led to this one. */
  readonly cause?: unknown
  /** Milliseconds to wait before another try, when the other side said so. */
  readonly retryAfterMs?: number
  /** With `send_rejected`: whose fault it is. */
  readonly failure?: FailureClass
  /** The provider's own code, as it wrote it. */
  readonly providerCode?: string
  /** With `send_rejected`: the recipient has asked the provider for no more messages, which is recorded as `contact.opted_out`. */
  readonly optedOut?: boolean
  /** The HTTP status to answer: 401 (the default) or 403 with `webhook_unverified`, 400 (the default) or 415 with `webhook_unreadable`. */
  readonly httpStatus?: 400 | 401 | 403 | 415
}

/**
 * The one error class of Pipe Comms. Tell errors apart with {@link isCommsError}, not with `instanceof`: the ESM and the CommonJS
 * build of this package may live in one process. Messages name who, what was expected and what came, and never hold a secret or a body.
 */
export class CommsError extends Error {
  override readonly name = 'CommsError'
  readonly code: CommsErrorCode
  declare readonly retryAfterMs?: number
  declare readonly failure?: FailureClass
  declare readonly providerCode?: string
  declare readonly optedOut?: boolean
  declare readonly httpStatus?: 400 | 401 | 403 | 415

  constructor(code: CommsErrorCode, message: string, details: CommsErrorDetails = {}) {
    const { cause, ...rest } = details
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    Object.assign(this, rest)
  }
}

/** Whether a caught value is a {@link CommsError}, and of this code when one is given. Works across builds and versions of the package. */
export function isCommsError(error: unknown, code?: CommsErrorCode): error is CommsError {
  if (typeof error !== 'object' || error === null) return false
  const candidate = error as { name?: unknown; code?: unknown }
  return candidate.name === 'CommsError' && typeof candidate.code === 'string' && (code === undefined || candidate.code === code)
}
