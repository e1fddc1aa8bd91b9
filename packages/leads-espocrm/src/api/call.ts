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

/** `json` is nothing for a body that is none. */
export interface ApiAnswer {
  readonly status: number
  readonly json: unknown
  /** What an accepted status other than 2xx says, for a caller that finds that it is an error after all. */
  readonly error?: CommsError
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
      ...(body === undefined ? {} : { body: wellFormedJson(body) }),
      redirect: 'error',
      signal: limit.signal,
    })
    text = await response.text()
  } catch (error) {
    throw new CommsError('directory_unavailable', `EspoCRM: ${what} ended without an answer (${reasonOf(error)})`)
  } finally {
    limit.end()
  }
  const { status } = response
  if (response.ok) return { status, json: parsed(text) }
  const error = answerError(what, response, [connection.apiKey, connection.secretKey])
  if (!accept.includes(status)) throw error
  return { status, json: parsed(text), error }
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

/**
 * JSON that PHP and every database take: half of a surrogate pair and NUL, as cut or odd messages hold them, become U+FFFD.
 * https://www.php.net/manual/en/json.constants.php (JSON_ERROR_UTF16)
 */
function wellFormedJson(body: unknown): string {
  return JSON.stringify(body, (_, value) =>
    typeof value === 'string' ? value.replace(/\p{Cs}/gu, '\ufffd').replaceAll('\0', '\ufffd') : value,
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
