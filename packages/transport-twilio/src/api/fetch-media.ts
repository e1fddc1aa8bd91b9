import { CommsError, type OpenedMedia, type TimeLimit, timeLimit } from '@pipe-comms/core'

export interface TwilioMediaOptions {
  readonly accountSid: string
  /** The auth token, or the secret of `apiKeySid`. Twilio asks for it where the account has "HTTP basic auth for media" on. */
  readonly authToken: string
  /** `SK…`, when the secret is that of an API key. @default the account's own token */
  readonly apiKeySid?: string
  /** Bytes. Twilio takes 5 MB for MMS and 16 MB for WhatsApp. @default 16777216 (16 MiB) */
  readonly maxBytes?: number
  /** Beginnings of the types that are taken, such as `image/`. @default what people send: pictures, sound, video, contacts, documents; no web pages and no SVG */
  readonly mimeTypes?: readonly string[]
  /** Hosts that count as Twilio's besides its own, with their port, also without TLS: those of the simulator. @default none */
  readonly extraHosts?: readonly string[]
  /** For the whole file, in milliseconds. @default 60000 */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** @default the global fetch */
  readonly fetch?: typeof globalThis.fetch
}

export interface TwilioMedia extends OpenedMedia {
  readonly mimeType: string
}

const MAX_REDIRECTS = 3
/** https://www.twilio.com/docs/messaging/guides/accepted-mime-types */
const MIME_TYPES = [
  'image/',
  'audio/',
  'video/',
  'text/vcard',
  'text/x-vcard',
  'text/directory',
  'text/calendar',
  'text/csv',
  'text/plain',
  'application/pdf',
  'application/msword',
  'application/vnd.ms-',
  'application/vnd.openxmlformats-officedocument.',
  'application/vnd.oasis.opendocument.',
]

/**
 * Opens a file of a message (`media[].url`). The URL came from outside, so only Twilio's hosts are called. The API redirects to a signed
 * URL elsewhere, which gets no credentials. The stream fails once it is over the limit.
 * https://www.twilio.com/docs/messaging/api/media-resource
 * @throws CommsError `media_refused` for a host, type or size that is not taken, `media_unavailable` when it cannot be fetched,
 * `transport_misconfigured` when the credentials are not accepted.
 * @example
 * const { stream, mimeType } = await fetchTwilioMedia(media.url, { accountSid, authToken, maxBytes: 5_000_000 })
 */
export async function fetchTwilioMedia(url: string, options: TwilioMediaOptions): Promise<TwilioMedia> {
  const limit = timeLimit(options.timeoutMs ?? 60_000, options.signal)
  try {
    return await open(url, options, limit)
  } catch (error) {
    limit.end()
    throw error
  }
}

async function open(url: string, options: TwilioMediaOptions, limit: TimeLimit): Promise<TwilioMedia> {
  const { maxBytes = 16_777_216, mimeTypes = MIME_TYPES } = options
  const response = await follow(url, options, limit.signal)
  const refuse = async (reason: string) => {
    await response.body?.cancel()
    return refused(reason)
  }
  if (response.status === 401 || response.status === 403) {
    await response.body?.cancel()
    throw new CommsError('transport_misconfigured', `Twilio: the media answered ${response.status}: the credentials are not accepted`)
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel()
    throw new CommsError('media_unavailable', `Twilio: the media answered ${response.status}`)
  }
  const mimeType = (response.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (mimeType === 'image/svg+xml' ? !mimeTypes.includes(mimeType) : !mimeTypes.some((start) => mimeType.startsWith(start))) {
    throw await refuse(`type "${mimeType.slice(0, 60)}" is not taken`)
  }
  const declared = Number(response.headers.get('content-length') ?? Number.NaN)
  if (declared > maxBytes) throw await refuse(`expected at most ${maxBytes} bytes, got ${declared}`)
  const encoded = response.headers.has('content-encoding')
  return {
    stream: limited(response.body, maxBytes, limit),
    mimeType,
    ...(Number.isInteger(declared) && !encoded ? { sizeBytes: declared } : {}),
  }
}

async function follow(first: string, options: TwilioMediaOptions, signal: AbortSignal): Promise<Response> {
  const { accountSid, authToken, apiKeySid = accountSid, extraHosts = [], fetch = globalThis.fetch } = options
  const authorization = `Basic ${Buffer.from(`${apiKeySid}:${authToken}`).toString('base64')}`
  let target = read(first)
  const { host } = target
  if (!isTwilios(target, extraHosts, 'api')) throw refused(`expected a media URL of Twilio, got one of ${host.slice(0, 100)}`)
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await fetch(target, {
      redirect: 'manual',
      signal,
      headers: target.host === host ? { authorization } : {},
    }).catch((error: unknown) => {
      throw new CommsError('media_unavailable', `Twilio: the media could not be fetched (${(error as Error)?.name ?? 'unknown reason'})`)
    })
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null
    if (location === null) return response
    await response.body?.cancel()
    target = read(location, target)
    if (!isTwilios(target, extraHosts, 'cdn')) throw refused(`the media redirects to ${target.host.slice(0, 100)}, which is not Twilio's`)
  }
  throw new CommsError('media_unavailable', `Twilio: the media redirects more than ${MAX_REDIRECTS} times`)
}

function read(url: string, base?: URL): URL {
  try {
    return new URL(url, base)
  } catch {
    throw refused('expected a URL of a file')
  }
}

/** The API's own hosts may be given the credentials; files themselves are elsewhere, in the end in Twilio's folder on S3. */
function isTwilios({ protocol, host, pathname, username }: URL, extraHosts: readonly string[], role: 'api' | 'cdn'): boolean {
  if (username !== '') return false
  if (extraHosts.includes(host)) return true
  if (protocol !== 'https:') return false
  if (host.endsWith('.twilio.com')) return true
  if (role === 'api') return false
  if (host.endsWith('.twiliocdn.com')) return true
  return (
    /^([\w.-]*\.)?s3[\w.-]*\.amazonaws\.com$/.test(host) &&
    (host.startsWith('media.twiliocdn.com.') || pathname.startsWith('/media.twiliocdn.com/'))
  )
}

/** The same bytes, as long as they are not too many; lets go of the time limit when they end, fail or are no longer wanted. */
function limited(body: ReadableStream<Uint8Array>, maxBytes: number, limit: TimeLimit): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let seen = 0
  const fail = async (controller: ReadableStreamDefaultController<Uint8Array>, error: unknown) => {
    limit.end()
    controller.error(error)
    await reader.cancel().catch(() => {})
  }
  return new ReadableStream(
    {
      async pull(controller) {
        const read = await reader.read().catch((error: unknown) => ({ error }))
        if ('error' in read) return fail(controller, read.error)
        if (read.done) {
          limit.end()
          return controller.close()
        }
        seen += read.value.byteLength
        if (seen > maxBytes) return fail(controller, refused(`expected at most ${maxBytes} bytes, got more`))
        controller.enqueue(read.value)
      },
      cancel(reason) {
        limit.end()
        return reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

function refused(reason: string): CommsError {
  return new CommsError('media_refused', `Twilio: ${reason}`)
}
