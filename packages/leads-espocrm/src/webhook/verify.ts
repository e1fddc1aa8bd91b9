import { createHmac, timingSafeEqual } from 'node:crypto'
import { CommsError, type WebhookRequest } from '@pipe-comms/core'
import type { EspoWebhookSecret } from '../options.ts'

/**
 * Checks the signature over the bytes of the body: `Signature` holds the HMAC in hexadecimal, since 9.0; the older `X-Signature` holds its
 * bytes, and goes away with 11.0. Both are base64 of the webhook's id, a colon and the HMAC.
 * https://docs.espocrm.com/development/webhooks/
 * @throws CommsError `webhook_unverified`
 */
export function verifySignature({ headers, body }: WebhookRequest, event: string, { secretKey, id }: EspoWebhookSecret): void {
  const header = headers.get('signature') ?? headers.get('x-signature')
  if (header === null) throw unverified(event, 'expected a Signature or X-Signature header, got none')
  const bytes = Buffer.from(header, 'base64')
  const colon = bytes.indexOf(':')
  if (colon < 0) throw unverified(event, 'expected a signature of the form base64(id:hmac)')
  if (id !== undefined && bytes.subarray(0, colon).toString() !== id) throw unverified(event, 'the signature is of another webhook')
  const hmac = createHmac('sha256', secretKey).update(body).digest()
  const expected = headers.has('signature') ? Buffer.from(hmac.toString('hex')) : hmac
  const given = bytes.subarray(colon + 1)
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw unverified(event, "the signature is not made with the webhook's secretKey")
}

function unverified(event: string, reason: string): CommsError {
  return new CommsError('webhook_unverified', `EspoCRM: ${event}: ${reason}`)
}
