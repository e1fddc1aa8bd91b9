import { createHash, timingSafeEqual } from 'node:crypto'
import { CommsError, type WebhookHead } from '@pipe-comms/core'

/** @throws CommsError `webhook_unverified` */
export function verifyToken(request: WebhookHead, inboundToken: string): void {
  const given = /^Bearer +(.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (given === undefined) throw new CommsError('webhook_unverified', 'SMTP: expected Authorization: Bearer <inboundToken>, got none')
  if (!equalInConstantTime(given, inboundToken)) throw new CommsError('webhook_unverified', 'SMTP: the token is not inboundToken')
}

/** Digests have one length, so that neither content nor length of the token shows in the time taken. */
function equalInConstantTime(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
