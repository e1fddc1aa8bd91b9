import { createHash, timingSafeEqual } from 'node:crypto'
import { CommsError, type WebhookRequest } from '@pipe-comms/core'

/**
 * Checks the `Authorization` header against the instance's `webhookUrlToken`. A token stored with a scheme comes with that scheme, a
 * bare one as `Bearer <token>`, and servers were seen that write the scheme twice; so schemes are taken off on both sides.
 * https://green-api.com/en/docs/api/receiving/technology-webhook-endpoint/
 * @throws CommsError `webhook_unverified`
 */
export function verifyToken(request: WebhookRequest, webhookToken: string): void {
  const header = request.headers.get('authorization')
  if (header === null) throw new CommsError('webhook_unverified', 'Green-API: expected an Authorization header, got none')
  if (!equalInConstantTime(withoutScheme(header), withoutScheme(webhookToken))) {
    throw new CommsError('webhook_unverified', "Green-API: the Authorization header does not hold the instance's webhookUrlToken")
  }
}

function withoutScheme(value: string): string {
  return value.trim().replace(/^((bearer|basic)\s+){1,2}/i, '')
}

/** Digests have one length, so that neither content nor length of the token shows in the time taken. */
function equalInConstantTime(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
