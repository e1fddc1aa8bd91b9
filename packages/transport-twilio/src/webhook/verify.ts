import { createHash, timingSafeEqual } from 'node:crypto'
import { CommsError, type WebhookRequest } from '@pipe-comms/core'
import { getExpectedTwilioSignature, validateRequest } from 'twilio/lib/webhooks/webhooks.js'
import type { CheckedOptions } from '../options.ts'
import { explainMismatch } from './mismatch.ts'
import { isForm, one, type Parameters, parametersOf } from './parameters.ts'

/** Twilio sends a few dozen. They are sorted for each token and spelling, which a stranger must not make long. */
const MAX_PARAMETERS = 1_000

type Verification = Pick<CheckedOptions, 'accountSid' | 'authToken' | 'subaccounts' | 'publicUrl'>

/**
 * Checks `X-Twilio-Signature` over the configured public URL, the path and query as they came, and the form or the hash of the body.
 * The signature has no time in it: a replay passes, and adds nothing, because its facts have the keys of the first. Nor has it anything
 * between names and values: `checkForm` refuses a form that is cut elsewhere.
 * https://www.twilio.com/docs/usage/security#validating-requests
 * @throws CommsError `webhook_unverified`, whose message says which URL was checked, what came, and what likely differs.
 */
export function verifySignature(request: WebhookRequest, options: Verification): void {
  const signature = request.headers.get('x-twilio-signature')
  if (!signature) throw unverified('expected the header X-Twilio-Signature, got none')
  const url = publicUrlOf(request, options.publicUrl)
  const said = request.method === 'GET' || isForm(request) ? parametersOf(request) : {}
  if (Object.keys(said).length > MAX_PARAMETERS) throw unverified(`expected at most ${MAX_PARAMETERS} parameters, got more`)
  // The parameters of a GET are part of the URL already.
  const signed = request.method === 'GET' ? {} : said
  if (request.method !== 'GET' && !isForm(request)) checkHash(request, url)
  const { tokens, account } = tokensFor(said, options)
  if (tokens.length === 0) {
    throw unverified(`expected a webhook of account ${options.accountSid} or a known sub-account, got one of ${account}`)
  }
  if (spellingsOf(url).some((candidate) => tokens.some((token) => matches(token, signature, candidate, signed)))) return
  const isSigned = (candidate: string) => tokens.some((token) => isEqual(signature, getExpectedTwilioSignature(token, candidate, signed)))
  throw unverified(explainMismatch({ request, url, parameters: signed, isSigned, several: tokens.length > 1 }))
}

/** The URL that Twilio called: the configured base, and path and query as they came here. */
function publicUrlOf(request: WebhookRequest, base: string | undefined): string {
  const { pathname, search } = new URL(request.url)
  return `${base}${pathname}${search}`
}

/**
 * HTTP servers hand the query on as the URL standard writes it, which encodes these signs; Twilio may have signed them as they are.
 * The validator itself tries the port and the other spellings of Twilio's own services.
 */
function spellingsOf(url: string): readonly string[] {
  const plain = url.replace(/%2[27]|%3[CE]/gi, decodeURIComponent)
  return plain === url ? [url] : [url, plain]
}

/**
 * A form is signed name by name. Of any other body the query holds the SHA-256, and the query is signed.
 * @throws CommsError `webhook_unverified` when the body is not what was signed.
 */
function checkHash(request: WebhookRequest, url: string): void {
  const expected = new URL(url).searchParams.get('bodySHA256')
  if (expected === null) {
    throw unverified('expected a form (application/x-www-form-urlencoded) or bodySHA256 in the query, got neither')
  }
  if (!isEqual(expected.toLowerCase(), createHash('sha256').update(request.body).digest('hex'))) {
    throw unverified('the body is not the one that was signed: its SHA-256 is not bodySHA256 of the query. Something on the way changed it')
  }
}

/** A sub-account signs with its own token, and only for itself. A webhook that names no account may be of any. */
function tokensFor(said: Parameters, { accountSid, authToken, subaccounts }: Verification) {
  const account = one(said, 'AccountSid')
  if (account === undefined) return { tokens: [...authToken, ...Object.values(subaccounts).flat()] }
  if (account === accountSid) return { tokens: authToken }
  return { tokens: (Object.hasOwn(subaccounts, account) && subaccounts[account]) || [], account: sid(account) }
}

/** An account as a stranger wrote it, fit for a log. */
function sid(account: string): string {
  return /^AC[0-9a-f]{32}$/.test(account) ? account : 'something that is no account'
}

function matches(token: string, signature: string, url: string, parameters: Parameters): boolean {
  try {
    return validateRequest(token, signature, url, parameters)
  } catch {
    // The validator throws on what is no URL.
    return false
  }
}

/** In constant time. Both are of the fixed length of their hash, so that a difference in length tells nothing. */
function isEqual(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function unverified(reason: string): CommsError {
  return new CommsError('webhook_unverified', `Twilio: ${reason}`, { httpStatus: 403 })
}
