import { createHmac } from 'node:crypto'
import type { CheckedConnection } from '../options.ts'

/**
 * The header that says who we are: the key, or an HMAC over method and path, without the query. Hexadecimal since 8.4.1, and taken by every
 * later version. https://docs.espocrm.com/development/api/#authentication
 */
export function authorization({ apiKey, secretKey }: CheckedConnection, method: string, path: string): Record<string, string> {
  if (secretKey === undefined) return { 'x-api-key': apiKey }
  const hmac = createHmac('sha256', secretKey).update(`${method} /${path}`).digest('hex')
  return { 'x-hmac-authorization': Buffer.from(`${apiKey}:${hmac}`).toString('base64') }
}
