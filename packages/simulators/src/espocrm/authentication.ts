import { createHmac, timingSafeEqual } from 'node:crypto'

export interface EspoCredentials {
  readonly apiKey: string
  /** With it, HMAC is taken too. */
  readonly secretKey?: string
}

/** Whether a request comes from the API user: by key, or by HMAC over method and path, hex or (older) raw. */
export function isAuthentic(headers: Headers, method: string, path: string, { apiKey, secretKey }: EspoCredentials): boolean {
  const key = headers.get('x-api-key')
  if (key !== null) return equal(Buffer.from(key), Buffer.from(apiKey))
  const signed = headers.get('x-hmac-authorization')
  if (signed === null || secretKey === undefined) return false
  const bytes = Buffer.from(signed, 'base64')
  const colon = bytes.indexOf(':')
  if (colon < 0 || !equal(bytes.subarray(0, colon), Buffer.from(apiKey))) return false
  const hmac = createHmac('sha256', secretKey).update(`${method} /${path}`).digest()
  const given = bytes.subarray(colon + 1)
  return equal(given, Buffer.from(hmac.toString('hex'))) || equal(given, hmac)
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** More than this many denied requests within a minute lock the address out. */
const MOST_DENIED = 10
const WITHIN_MS = 60_000

/** Counts denied requests as EspoCRM does, and locks out who has too many. */
export class FailedLogins {
  #deniedAt: number[] = []

  isLocked(now: number): boolean {
    this.#deniedAt = this.#deniedAt.filter((at) => now - at < WITHIN_MS)
    return this.#deniedAt.length > MOST_DENIED
  }

  deny(now: number): void {
    this.#deniedAt.push(now)
  }
}
