import { CommsError } from '../errors.ts'

/** A webhook as it came, its body read once and kept as bytes, so that signatures can be checked over exactly what was sent. */
export interface WebhookRequest {
  readonly method: string
  /** The whole URL as this process saw it; behind a proxy it may differ from the public one. */
  readonly url: string
  readonly headers: Headers
  readonly body: Uint8Array
  /** The address the request came from, as whoever called `handle` knows it; behind a proxy, the one the proxy saw. */
  readonly remoteAddress?: string
}

/** What an HTTP server knows of a request besides the Web `Request`. */
export interface RequestOrigin {
  readonly remoteAddress?: string
}

/** The body as text. @throws TypeError when it is not UTF-8 */
export function bodyText(request: WebhookRequest): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(request.body)
}

/**
 * Reads a request whose body has at most `maxBodyBytes` bytes.
 * @throws CommsError `webhook_too_large`, without reading on.
 */
export async function readWebhookRequest(
  request: Request,
  maxBodyBytes: number,
  { remoteAddress }: RequestOrigin = {},
): Promise<WebhookRequest> {
  const { method, url, headers } = request
  const seen = { method, url, headers, ...(remoteAddress === undefined ? {} : { remoteAddress }) }
  const tooLarge = () => new CommsError('webhook_too_large', `The body is over the limit of ${maxBodyBytes} bytes`)
  const declared = headers.get('content-length')
  if (declared !== null && Number(declared) > maxBodyBytes) throw tooLarge()
  // A declared length is kept by the HTTP server, so the quick way is safe; a body sent in chunks is counted as it comes.
  if (declared !== null || request.body === null) return { ...seen, body: new Uint8Array(await request.arrayBuffer()) }

  const chunks: Uint8Array[] = []
  let size = 0
  const reader = request.body.getReader()
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    size += step.value.byteLength
    if (size > maxBodyBytes) {
      await reader.cancel()
      throw tooLarge()
    }
    chunks.push(step.value)
  }
  const body = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    body.set(chunk, offset)
    offset += chunk.byteLength
  }
  return { ...seen, body }
}
