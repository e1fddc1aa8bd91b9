import { idempotencyKey } from '../events/idempotency-key.ts'
import type { EventFact, MessageEventOf } from '../events/message-event.ts'
import type { Transport } from './transport.ts'
import type { WebhookRequest } from './webhook-request.ts'
import { pathKey } from './webhook-routes.ts'

/** The method of a request that was made of an inbox's delivery: no HTTP method, so that no webhook is taken for it. */
export const POLLED = 'POLL'

/**
 * The fact that a verified webhook was not understood, its raw body whole. Headers are not kept: they hold the credentials.
 * Its key is the body, and without one the method, path and query, so a provider that repeats the webhook adds nothing.
 */
export async function quarantineFact(
  transport: Pick<Transport, 'id' | 'provider' | 'channel' | 'account'>,
  request: WebhookRequest,
  reason: string,
): Promise<EventFact> {
  const { pathname, search } = new URL(request.url)
  const raw = encodeBody(request.body)
  const isEmpty = request.body.byteLength === 0
  const bodySha256 = await sha256Hex(isEmpty ? new TextEncoder().encode(search) : request.body)
  const contentType = request.headers.get('content-type')
  return {
    type: 'webhook.quarantined',
    // Without a body, only the rest of the request can tell it from another one.
    idempotencyKey: idempotencyKey('quarantine', transport.id, bodySha256, ...(isEmpty ? [request.method, pathKey(pathname)] : [])),
    channel: transport.channel,
    provider: transport.provider ?? transport.id,
    account: transport.account,
    direction: 'inbound',
    source: { via: request.method === POLLED ? 'poll' : 'webhook' },
    data: {
      transport: transport.id,
      reason,
      method: request.method,
      path: pathname,
      ...(search === '' ? {} : { query: search }),
      ...(contentType === null ? {} : { contentType }),
      ...raw,
      bodySha256,
    },
  }
}

/** The request as it stood when it was quarantined, to be parsed again. Its credentials are gone: it was verified then. */
export function requestFromQuarantine(event: MessageEventOf<'webhook.quarantined'>): WebhookRequest {
  const { method, path, query = '', contentType, body, bodyEncoding } = event.data
  return {
    method,
    url: `http://quarantine.invalid${path}${query}`,
    headers: new Headers(contentType === undefined ? {} : { 'content-type': contentType }),
    body: bodyEncoding === 'utf8' ? new TextEncoder().encode(body) : Uint8Array.from(atob(body), (sign) => sign.charCodeAt(0)),
  }
}

/** As text where the bytes are UTF-8, so that an operator can read it; otherwise as base64. */
function encodeBody(bytes: Uint8Array): { body: string; bodyEncoding: 'utf8' | 'base64' } {
  try {
    return { body: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), bodyEncoding: 'utf8' }
  } catch {
    let binary = ''
    for (let start = 0; start < bytes.length; start += 0x8000) binary += String.fromCharCode(...bytes.subarray(start, start + 0x8000))
    return { body: btoa(binary), bodyEncoding: 'base64' }
  }
}

async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
