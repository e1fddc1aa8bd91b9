import { CommsError } from '@pipe-comms/core'
import type { CheckedOptions } from '../options.ts'

/**
 * Calls one method of the instance and gives its answer, whatever its status. The token is part of the URL, and answers may echo it:
 * no error that leaves here holds either. https://green-api.com/en/docs/api/
 * @throws CommsError `send_unavailable` when the request certainly did not reach Green-API, `send_uncertain` when it may have,
 * `transport_misconfigured` without a token.
 */
export async function callMethod(
  options: CheckedOptions,
  method: string,
  body: unknown,
  signal: AbortSignal,
): Promise<{ status: number; text: string }> {
  if (options.apiToken === undefined)
    throw new CommsError('transport_misconfigured', 'Green-API: apiToken is not set, so nothing can be sent')
  if (signal.aborted) throw new CommsError('send_unavailable', `Green-API: ${method} was stopped before it began`)
  try {
    const response = await options.fetch(`${options.apiUrl}/waInstance${options.idInstance}/${method}/${options.apiToken}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
    })
    return { status: response.status, text: redact(await response.text(), options.apiToken) }
  } catch (error) {
    const reason = systemCode(error)
    if (reason !== undefined && NEVER_CONNECTED.has(reason))
      throw new CommsError('send_unavailable', `Green-API: ${method}: cannot connect (${reason})`)
    throw new CommsError(
      'send_uncertain',
      `Green-API: ${method} ended without an answer (${reason ?? (error as Error)?.name ?? 'unknown reason'})`,
    )
  }
}

function redact(text: string, apiToken: string): string {
  return text.replaceAll(apiToken, '***').replaceAll(encodeURIComponent(apiToken), '***')
}

/** Errors from before the first byte of the request. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/** fetch hides the system's reason in causes, and in a list of them when a host has several addresses. */
function systemCode(error: unknown): string | undefined {
  for (let part = error; typeof part === 'object' && part !== null; ) {
    const { code, cause, errors } = part as { code?: unknown; cause?: unknown; errors?: unknown[] }
    if (typeof code === 'string') return code
    part = cause ?? errors?.[0]
  }
  return undefined
}
