import { CommsError, isCommsError } from '../errors.ts'
import type { HeldBody } from './body-budget.ts'
import { concatenate, decodeBody, encodingsOf } from './content-encoding.ts'

/** What of a webhook is known before its body is read. */
export interface WebhookHead {
  readonly method: string
  /** The whole URL as this process saw it; behind a proxy it may differ from the public one. */
  readonly url: string
  /** A field that came several times with one value has it once. */
  readonly headers: Headers
  /** The address the request came from, as whoever called `handle` knows it; behind a proxy, the one the proxy saw. */
  readonly remoteAddress?: string
}

/** A webhook as it came, its body read once and kept as bytes, so that signatures can be checked over exactly what was sent. */
export interface WebhookRequest extends WebhookHead {
  /** Without its `Content-Encoding`: compressed bodies are decoded. */
  readonly body: Uint8Array
}

/** What an HTTP server knows of a request besides the Web `Request`. */
export interface RequestOrigin {
  readonly remoteAddress?: string
}

export interface ReadingOptions {
  /** Also of the decoded body. */
  readonly maxBodyBytes: number
  /** Counts the bytes while they come in. */
  readonly held?: HeldBody
  /** Take a POST, PUT or PATCH without a body. @default false: it is refused */
  readonly allowEmptyBody?: boolean | undefined
}

/** The body as text. @throws TypeError when it is not UTF-8 */
export function bodyText(request: WebhookRequest): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(request.body)
}

/** What is wrong with this argument of `comms.handle`; nothing when it is a Web `Request`, of whatever build. */
export function expectRequest(given: unknown): string | undefined {
  const { url, method, headers, arrayBuffer } = Object(given) as Partial<Request>
  const isRequest =
    typeof url === 'string' &&
    URL.canParse(url) &&
    typeof method === 'string' &&
    typeof headers?.get === 'function' &&
    typeof headers.forEach === 'function' &&
    typeof arrayBuffer === 'function'
  if (isRequest) return undefined
  const got = given === null || typeof given !== 'object' ? typeof given : (given.constructor?.name ?? 'an object')
  return (
    `comms.handle: expected a Web Request (https://developer.mozilla.org/docs/Web/API/Request) with an absolute URL, got ${got}. ` +
    'Make one of an Express or node:http request before its body is read; in Hono it is c.req.raw'
  )
}

/** The part of a request that is known before its body is read. */
export function headOf({ method, url, headers }: Request, { remoteAddress }: RequestOrigin = {}): WebhookHead {
  return { method, url, headers: withoutRepeats(headers), ...(remoteAddress === undefined ? {} : { remoteAddress }) }
}

/**
 * Reads the body of a request, at most `maxBodyBytes` of it.
 * @throws CommsError `webhook_too_large`, without reading on; `webhook_unreadable` when the body is not the one that was sent: it was
 * read before, is cut off, was changed on the way, or has an unknown encoding; `store_overloaded` when too many bodies are held.
 */
export async function readWebhookRequest(request: Request, head: WebhookHead, options: ReadingOptions): Promise<WebhookRequest> {
  const { maxBodyBytes } = options
  const encodings = encodingsOf(head.headers)
  const declared = declaredLength(head.headers)
  if (declared !== undefined && declared > maxBodyBytes) throw tooLarge(maxBodyBytes)
  const bytes = await readBytes(request, declared, options)
  checkWhole(bytes, head, { declared, isEncoded: encodings.length > 0, allowEmptyBody: options.allowEmptyBody === true })
  if (encodings.length === 0 || bytes.byteLength === 0) return { ...head, body: bytes }

  const body = await decodeBody(bytes, encodings, maxBodyBytes)
  options.held?.add(Math.max(0, body.byteLength - bytes.byteLength))
  const headers = new Headers(head.headers)
  headers.delete('content-encoding')
  headers.delete('content-length')
  return { ...head, headers, body }
}

/** Up to this length a body is read in one go, which is quicker, and counted when it is there. */
const SMALL_BODY_BYTES = 65_536

async function readBytes(request: Request, declared: number | undefined, { maxBodyBytes, held }: ReadingOptions): Promise<Uint8Array> {
  if (request.bodyUsed) throw bodyLost('the body of the Request was read before (bodyUsed is true)')
  try {
    if (declared !== undefined && declared <= SMALL_BODY_BYTES) {
      const bytes = new Uint8Array(await request.arrayBuffer())
      held?.add(bytes.byteLength)
      return bytes
    }
    const { body } = request
    if (body === null) return new Uint8Array(0)
    if (body.locked) throw bodyLost('the body of the Request is locked: something else reads it')
    return await readChunks(body, maxBodyBytes, held)
  } catch (error) {
    if (isCommsError(error)) throw error
    throw bodyLost(`expected to read it to its end, got ${nameOf(error)}; the sender may have broken off`, error)
  }
}

async function readChunks(body: ReadableStream<Uint8Array>, maxBodyBytes: number, held: HeldBody | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = body.getReader()
  // Not waited for: the sender may never end what is cancelled.
  const cancel = () => void reader.cancel().catch(() => undefined)
  if (held) held.onDropped = cancel
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    size += step.value.byteLength
    if (size > maxBodyBytes) {
      cancel()
      throw tooLarge(maxBodyBytes)
    }
    held?.add(step.value.byteLength)
    chunks.push(step.value)
  }
  if (held?.dropped) throw held.dropped
  return concatenate(chunks, size)
}

interface Promised {
  readonly declared: number | undefined
  readonly isEncoded: boolean
  readonly allowEmptyBody: boolean
}

/** What a parsed body becomes when it is made into text again. No provider sends such text. */
const STRINGIFIED = /^(\[object [A-Z][A-Za-z]*\]|undefined$|\{"type":"Buffer","data":\[)/
/** What remains of a body that the parser did not read. A real body of this kind comes with its Content-Length. */
const NOTHING_PARSED = new Set(['{}', 'null', '""'])
/** None of them is longer. */
const BEGINNING = 40

/**
 * That the bytes are the body that was sent. A web framework that reads the body before us leaves headers that promise more, or others.
 * @throws CommsError `webhook_unreadable`
 */
function checkWhole(bytes: Uint8Array, { method, headers }: WebhookHead, { declared, isEncoded, allowEmptyBody }: Promised): void {
  const size = bytes.byteLength
  if (size === 0) {
    if (declared !== undefined && declared > 0) throw bodyLost(`expected a body of ${declared} bytes (Content-Length), got 0 bytes`)
    if (headers.has('transfer-encoding')) throw bodyLost('expected a body (Transfer-Encoding), got 0 bytes')
    if (!allowEmptyBody && /^(POST|PUT|PATCH)$/.test(method)) throw bodyLost(`expected a ${method} with a body, got 0 bytes`)
    return
  }
  if (declared !== undefined && declared !== size && !isEncoded) {
    throw bodyLost(`expected a body of ${declared} bytes (Content-Length), got ${size} bytes`)
  }
  const text = new TextDecoder().decode(bytes.subarray(0, BEGINNING)).trim()
  const made = STRINGIFIED.exec(text)
  if (made) throw bodyLost(`expected the bytes that were sent, got a parsed body made into text (${made[0]})`)
  if (declared === undefined && size < BEGINNING && NOTHING_PARSED.has(text)) {
    throw bodyLost(`expected a body with content, got ${text} without Content-Length`)
  }
}

/** Without its message, which may hold anything. */
function nameOf(error: unknown): string {
  const { code, name } = Object(error) as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : typeof name === 'string' ? name : 'an error'
}

function bodyLost(what: string, cause?: unknown): CommsError {
  return new CommsError(
    'webhook_unreadable',
    `Webhook body: ${what}. Was it read before, for instance by express.json()? Mount the webhook before it, ` +
      'or hand over the bytes as they came (express.raw({ type: () => true }))',
    { httpStatus: 400, cause },
  )
}

function tooLarge(maxBodyBytes: number): CommsError {
  return new CommsError('webhook_too_large', `The body is over the limit of ${maxBodyBytes} bytes`)
}

/** @throws CommsError `webhook_unreadable` when it is no length. */
function declaredLength(headers: Headers): number | undefined {
  const declared = headers.get('content-length')
  if (declared === null) return undefined
  const length = /^\d{1,15}$/.test(declared.trim()) ? Number(declared) : undefined
  if (length !== undefined) return length
  throw new CommsError('webhook_unreadable', 'Content-Length: expected one whole number', { httpStatus: 400 })
}

/** Each hop adds a value to these fields, so a repeated value has a meaning. */
const ADDED_TO_BY_HOPS = /^(x-forwarded-|forwarded$|via$|content-encoding$)/

/** Headers joins the values of a field that came several times with commas. When they are all the same, this keeps one of them. */
function withoutRepeats(headers: Headers): Headers {
  let changed: Headers | undefined
  headers.forEach((value, name) => {
    if (!value.includes(',') || ADDED_TO_BY_HOPS.test(name)) return
    const once = valueOnce(value)
    if (once === undefined) return
    changed ??= new Headers(headers)
    changed.set(name, once)
  })
  return changed ?? headers
}

/** `a` of `a, a`, also when `a` has commas itself; nothing when it is not one value several times. */
function valueOnce(value: string): string | undefined {
  const parts = value.split(',').map((part) => part.trim())
  for (let count = 2; count <= MAX_REPEATS; count += 1) {
    const length = parts.length / count
    if (Number.isInteger(length) && parts.every((part, index) => part === parts[index % length])) {
      return value.split(',').slice(0, length).join(',').trim()
    }
  }
  return undefined
}

const MAX_REPEATS = 4
