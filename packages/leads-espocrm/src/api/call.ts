import { CommsError, timeLimit } from '@pipe-comms/core'
import type { CheckedConnection } from '../options.ts'
import { answerError } from './answer-error.ts'
import { authorization } from './authorization.ts'

export interface ApiCall {
  readonly method: 'GET' | 'POST'
  /** Behind `/api/v1/`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

/** Statuses that a caller takes for an answer; `json` is nothing for a body that is none. */
export interface ApiAnswer {
  readonly status: number
  readonly json: unknown
}

/**
 * Calls the API once. https://docs.espocrm.com/development/api/
 * @param accept statuses other than 2xx that are no error
 * @throws CommsError `directory_unavailable`, `directory_misconfigured`; no secret and no body is in it.
 */
export async function callApi(connection: CheckedConnection, call: ApiCall, accept: readonly number[] = []): Promise<ApiAnswer> {
  const { method, path, body, signal } = call
  const what = `${method} ${path.split('/')[0]}`
  // URLSearchParams writes a plus as %2B; a bare one would be read as a space.
  const query = call.query ? `?${new URLSearchParams(call.query)}` : ''
  let response: Response
  let text: string
  const limit = timeLimit(connection.timeoutMs, signal)
  try {
    response = await connection.fetch(`${connection.url}/api/v1/${path}${query}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...authorization(connection, method, path),
        ...call.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: limit.signal,
    })
    text = await response.text()
  } catch (error) {
    throw new CommsError('directory_unavailable', `EspoCRM: ${what} ended without an answer (${reasonOf(error)})`)
  } finally {
    limit.end()
  }
  if (!response.ok && !accept.includes(response.status)) throw answerError(what, response, [connection.apiKey, connection.secretKey])
  return { status: response.status, json: parsed(text) }
}

/** The name or code alone: messages may hold the URL. */
function reasonOf(error: unknown): string {
  for (let part = error; typeof part === 'object' && part !== null; ) {
    const { code, cause, errors } = part as { code?: unknown; cause?: unknown; errors?: unknown[] }
    if (typeof code === 'string') return code
    part = cause ?? errors?.[0]
  }
  return (error as Error)?.name ?? 'unknown reason'
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
