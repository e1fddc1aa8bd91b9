import { CommsError } from '@pipe-comms/core'

/** The error of a disk that does not do what it should now: `store_unavailable`, with the path and the system's own reason. */
export function diskError(what: string, cause: unknown): CommsError {
  return new CommsError('store_unavailable', `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
}
