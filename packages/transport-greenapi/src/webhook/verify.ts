import { createHash, timingSafeEqual } from 'node:crypto'
import { CommsError, type WebhookHead } from '@pipe-comms/core'
import type { CheckedOptions } from '../options.ts'
import { withoutScheme } from './authorization.ts'
import { addressMatcher } from './source-address.ts'

/** What every webhook must pass, before its body is read: the address it comes from, when a list of them is given, and the token. */
export function webhookVerifier(options: Pick<CheckedOptions, 'webhookToken' | 'allowedSourceAddresses'>): (request: WebhookHead) => void {
  const { webhookToken, allowedSourceAddresses } = options
  const isAllowed = allowedSourceAddresses && addressMatcher(allowedSourceAddresses)
  return (request) => {
    if (isAllowed && !isAllowed(request.remoteAddress)) {
      const came = request.remoteAddress ?? 'none; pass it to comms.handle as remoteAddress'
      const message = `Green-API: expected a webhook from one of allowedSourceAddresses, got ${came}`
      throw new CommsError('webhook_unverified', message, { httpStatus: 403 })
    }
    if (webhookToken !== undefined) verifyToken(request, webhookToken)
  }
}

/**
 * Checks the `Authorization` header against the instance's `webhookUrlToken`. A token stored with a scheme comes with that scheme, a
 * bare one as `Bearer <token>`, and servers were seen that write the scheme twice; so schemes are taken off on both sides.
 * https://green-api.com/en/docs/api/receiving/technology-webhook-endpoint/
 * @throws CommsError `webhook_unverified`
 */
function verifyToken(request: WebhookHead, webhookToken: string): void {
  const header = request.headers.get('authorization')
  if (header === null) throw new CommsError('webhook_unverified', 'Green-API: expected an Authorization header, got none')
  if (!equalInConstantTime(withoutScheme(header), withoutScheme(webhookToken))) {
    throw new CommsError('webhook_unverified', "Green-API: the Authorization header does not hold the instance's webhookUrlToken")
  }
}

/** Digests have one length, so that neither content nor length of the token shows in the time taken. */
function equalInConstantTime(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
