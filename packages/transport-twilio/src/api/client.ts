import { CommsError, connectionError, timeLimit } from '@pipe-comms/core'
import type { Twilio } from 'twilio'
import type { CheckedOptions } from '../options.ts'

/** The SDK's client for one call: its requests end with `signal`, or after `timeoutMs`. */
export interface Call {
  readonly client: Twilio
  /** The milliseconds that the last answer asked to wait, when it did. */
  retryAfterMs(): number | undefined
}

/** What the SDK hands to its HTTP client, as far as it matters here. */
interface SdkRequest {
  readonly method: string
  readonly uri: string
  readonly username?: string
  readonly password?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly params?: Readonly<Record<string, unknown>>
  readonly data?: Readonly<Record<string, unknown>>
}

/**
 * Opens the SDK over `fetch`. It is imported at the first call, because it takes a hundred milliseconds and webhooks do not need it;
 * over `fetch`, because its own HTTP client knows no abort signal, reads the environment, and leaves credentials in its errors.
 * @throws CommsError `transport_misconfigured` without credentials.
 */
export async function openCall(options: CheckedOptions, signal: AbortSignal): Promise<Call> {
  const [token] = options.authToken
  const username = options.apiKey?.sid ?? options.accountSid
  const password = options.apiKey?.secret ?? token
  if (password === undefined)
    throw new CommsError('transport_misconfigured', 'Twilio: neither authToken nor apiKey is set, so the API cannot be called')
  const { default: twilio } = await import('twilio')
  let retryAfter: string | null = null
  const httpClient = {
    request: async (request: SdkRequest) => {
      const response = await exchange(request, options, signal)
      retryAfter = response.headers.get('retry-after')
      return { statusCode: response.status, body: response.body, headers: Object.fromEntries(response.headers) }
    },
  }
  const client = twilio(username, password, {
    accountSid: options.accountSid,
    httpClient: httpClient as never,
    // Empty rather than left out: the SDK would read the environment.
    region: options.region ?? '',
    edge: options.edge ?? '',
    logLevel: 'silent',
  })
  return { client, retryAfterMs: () => milliseconds(retryAfter) }
}

/** @throws CommsError `send_unavailable` when the request certainly did not reach Twilio, `send_uncertain` when it may have. */
async function exchange(request: SdkRequest, { fetch, timeoutMs, apiUrl }: CheckedOptions, signal: AbortSignal) {
  if (signal.aborted) throw new CommsError('send_unavailable', 'Twilio: the call was stopped before it began')
  const url = new URL(request.uri)
  for (const [name, value] of pairsOf(request.params)) url.searchParams.append(name, value)
  const method = request.method.toUpperCase()
  const what = `${method} ${url.pathname.split('/').slice(4).join('/') || url.pathname}`
  const limit = timeLimit(timeoutMs, signal)
  try {
    const response = await fetch(apiUrl === undefined ? url.href : apiUrl + url.pathname + url.search, {
      method,
      headers: {
        ...request.headers,
        authorization: `Basic ${Buffer.from(`${request.username}:${request.password}`).toString('base64')}`,
      },
      ...(request.data ? { body: new URLSearchParams(pairsOf(request.data)).toString() } : {}),
      redirect: 'error',
      signal: limit.signal,
    })
    return { status: response.status, headers: response.headers, body: await response.text() }
  } catch (error) {
    // The error of fetch is not passed on as a cause: it may hold the request, and that the credentials.
    const { reason, beforeRequest } = connectionError(error)
    if (beforeRequest) throw new CommsError('send_unavailable', `Twilio: ${what}: cannot connect (${reason})`)
    throw new CommsError(
      'send_uncertain',
      `Twilio: ${what} ended without an answer (${reason ?? (error as Error)?.name ?? 'unknown reason'})`,
    )
  } finally {
    limit.end()
  }
}

/** A list is written as the same name several times, as the SDK's own client does. */
function pairsOf(values: Readonly<Record<string, unknown>> = {}): [string, string][] {
  return Object.entries(values).flatMap(([name, value]) =>
    [value].flat().flatMap((item): [string, string][] => (item === undefined || item === null ? [] : [[name, String(item)]])),
  )
}

/** Twilio says seconds, when it says anything. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after */
function milliseconds(retryAfter: string | null): number | undefined {
  const seconds = retryAfter === null || retryAfter.trim() === '' ? Number.NaN : Number(retryAfter)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.ceil(seconds * 1000) : undefined
}
