import { CommsError, connectionError, timeLimit } from '@pipe-comms/core'
import type { CheckedOptions } from '../options.ts'
import type { MultipartForm } from './multipart.ts'

/** One call of a method of the instance. */
export interface MethodCall {
  readonly method: string
  readonly verb?: 'GET' | 'POST' | 'DELETE'
  /** Behind the token: `/1234567`, `?minutes=5`. */
  readonly rest?: string
  readonly body?: unknown
  /** A form in the place of `body`: to the media host, streamed. */
  readonly form?: MultipartForm
  /** What it means that no answer came: `send_uncertain` for what sends a message, `send_unavailable` for what does not. */
  readonly lost: 'send_uncertain' | 'send_unavailable'
  /** @default the option `timeoutMs` */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** What came back. The text may hold the token: it goes into no error as it is. */
export interface MethodAnswer {
  readonly status: number
  readonly text: string
}

/**
 * Calls one method and gives its answer, whatever its status. The token is part of the URL: no error that leaves here holds it.
 * https://green-api.com/en/docs/api/
 * @throws CommsError `send_unavailable` when the request certainly did nothing, `send_uncertain` when it may have sent,
 * `transport_misconfigured` without a token.
 */
export async function callMethod(options: CheckedOptions, call: MethodCall): Promise<MethodAnswer> {
  const { method, verb = 'POST', rest = '', body, form, signal } = call
  const { apiToken, idInstance } = options
  if (apiToken === undefined) throw new CommsError('transport_misconfigured', `Green-API: ${method}: apiToken is not set`)
  if (signal?.aborted) throw new CommsError('send_unavailable', `Green-API: ${method} was stopped before it began`)
  const limit = timeLimit(call.timeoutMs ?? options.timeoutMs, signal)
  const host = form ? options.mediaUrl : options.apiUrl
  try {
    const response = await options.fetch(`${host}/waInstance${idInstance}/${method}/${encodeURIComponent(apiToken)}${rest}`, {
      method: verb,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      redirect: 'manual',
      ...(form ? { headers: form.headers, body: form.stream, ...STREAMED } : {}),
      signal: limit.signal,
    })
    return { status: response.status, text: await response.text() }
  } catch (error) {
    const { reason, beforeRequest } = connectionError(error)
    if (beforeRequest) throw new CommsError('send_unavailable', `Green-API: ${method}: cannot connect (${reason})`)
    const why = signal?.aborted ? 'stopped' : limit.signal.aborted ? 'no answer in time' : (reason ?? 'connection lost')
    if (form && !form.complete())
      throw new CommsError('send_unavailable', `Green-API: ${method} ended before the file was through (${why})`)
    throw new CommsError(call.lost, `Green-API: ${method} ended without an answer (${why})`)
  } finally {
    limit.end()
  }
}

/**
 * With a window or a redirect to follow, fetch keeps a copy of the whole body to send it once more.
 * https://fetch.spec.whatwg.org/#http-network-or-cache-fetch
 */
const STREAMED = { duplex: 'half', redirect: 'error', window: null } as const
