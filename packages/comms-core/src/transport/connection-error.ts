/**
 * Why a fetch failed, for transports: the system's reason, and whether it came before the first byte of the request. Only then was
 * certainly nothing sent (`send_unavailable`); every other failure may have been an answer that was lost (`send_uncertain`).
 * The error itself may hold the request with its credentials: pass on the reason, not the error.
 */
export function connectionError(error: unknown): { readonly reason?: string; readonly beforeRequest: boolean } {
  // fetch hides the reason in causes, and in a list of them when a host has several addresses.
  for (let part = error; typeof part === 'object' && part !== null; ) {
    const { code, syscall, cause, errors } = part as { code?: unknown; syscall?: unknown; cause?: unknown; errors?: unknown[] }
    if (typeof code === 'string') {
      const connecting = syscall === undefined || syscall === 'connect' || syscall === 'getaddrinfo'
      return { reason: code, beforeRequest: connecting && BEFORE_REQUEST.has(code) }
    }
    part = cause ?? errors?.[0]
  }
  return { beforeRequest: false }
}

const BEFORE_REQUEST = new Set([
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
