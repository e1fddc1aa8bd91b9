import { CommsError } from '../errors.ts'

/** By their names in `Content-Encoding`, https://www.rfc-editor.org/rfc/rfc9110#name-content-codings, what `DecompressionStream` calls them. */
const FORMATS: Readonly<Record<string, readonly string[]>> = {
  gzip: ['gzip'],
  'x-gzip': ['gzip'],
  // Senders disagree about whether this has a zlib header.
  deflate: ['deflate', 'deflate-raw'],
  br: ['brotli'],
}

export const KNOWN_ENCODINGS = 'gzip, deflate, br'

/** A body is encoded once; some senders write the header twice, or encode twice by mistake. */
const MAX_ENCODINGS = 2

/** The encodings of a body in the order they were applied; none for one that is sent as it is. */
export function encodingsOf(headers: Headers): readonly string[] {
  const listed = headers.get('content-encoding')?.toLowerCase().split(',') ?? []
  return listed.map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity')
}

/**
 * Undoes the encodings of a body, and stops as soon as it becomes longer than `maxBytes`. A body that says `gzip` and is not was decoded
 * by whoever handed it over, and stays as it is.
 * @throws CommsError `webhook_too_large`; `webhook_unreadable` for an encoding that is not known (415) or a body that does not keep it (400).
 */
export async function decodeBody(bytes: Uint8Array, encodings: readonly string[], maxBytes: number): Promise<Uint8Array> {
  const unknown = encodings.find((name) => !Object.hasOwn(FORMATS, name))
  if (unknown !== undefined || encodings.length > MAX_ENCODINGS) throw unsupported(encodings)
  let body = bytes
  for (const name of [...encodings].reverse()) {
    const formats = FORMATS[name] as readonly string[]
    if (formats[0] !== 'gzip' || isGzip(body)) body = await decodeAsAny(body, name, formats, maxBytes)
  }
  return body
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

async function decodeAsAny(bytes: Uint8Array, name: string, formats: readonly string[], maxBytes: number): Promise<Uint8Array> {
  let failure: unknown
  for (const format of formats) {
    let stream: DecompressionStream
    try {
      stream = new DecompressionStream(format as ConstructorParameters<typeof DecompressionStream>[0])
    } catch {
      // This runtime does not have it: Node.js has brotli since 24.7.
      throw unsupported([name])
    }
    try {
      return await decode(bytes, stream, maxBytes)
    } catch (error) {
      if (error instanceof CommsError) throw error
      failure = error
    }
  }
  throw new CommsError(
    'webhook_unreadable',
    `Content-Encoding says ${name}, and the body is not whole ${name}. Was it cut off, or decoded before? Then leave the header out`,
    { httpStatus: 400, cause: failure },
  )
}

async function decode(bytes: Uint8Array, stream: DecompressionStream, maxBytes: number): Promise<Uint8Array> {
  const writer = stream.writable.getWriter()
  // A failure of these shows in what is read as well.
  void writer.write(bytes as Uint8Array<ArrayBuffer>).catch(() => undefined)
  void writer.close().catch(() => undefined)
  const reader = stream.readable.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (let step = await reader.read(); !step.done; step = await reader.read()) {
    size += step.value.byteLength
    if (size > maxBytes) {
      // Not waited for: what is cancelled needs no end.
      void reader.cancel().catch(() => undefined)
      throw new CommsError('webhook_too_large', `The decoded body is over the limit of ${maxBytes} bytes`)
    }
    chunks.push(step.value)
  }
  return concatenate(chunks, size)
}

/** One array of all chunks, which have `size` bytes together. */
export function concatenate(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.byteLength
  }
  return whole
}

function unsupported(encodings: readonly string[]): CommsError {
  const got = encodings.map((name) => name.replace(/[^a-z0-9-]/g, '?').slice(0, 20)).join(', ')
  return new CommsError('webhook_unreadable', `Expected a body without Content-Encoding or one of ${KNOWN_ENCODINGS}, got ${got}`, {
    httpStatus: 415,
  })
}
