import { crc32 } from 'node:zlib'
import { type AppendRequest, eventToJson } from '@pipe-comms/core'

/** One `put` as it lies in a file: its requests, or why they cannot be read. */
export type SpooledPut = { readonly requests: readonly AppendRequest[] } | { readonly damage: string }

/**
 * One line a put: the CRC-32 of its JSON text in 8 hexadecimal digits, a space, the text.
 * @throws CommsError `event_invalid` for what JSON cannot hold.
 */
export function encodePut(requests: readonly AppendRequest[]): Buffer {
  const text = eventToJson(requests)
  return Buffer.from(`${checksum(text)} ${text}\n`)
}

/** The one put of a file of older releases: JSON text without a checksum. */
export function decodeOlderPut(bytes: Buffer): SpooledPut {
  return parsePut(bytes.toString('utf8'))
}

/** The puts of a file, each read on its own: a damaged line hides nothing beside it. */
export function decodePuts(bytes: Buffer): SpooledPut[] {
  const text = bytes.toString('utf8')
  const lines = text.split('\n')
  // Each line ends with a line feed, so what follows the last one is a line that was cut.
  if (lines.at(-1) === '') lines.pop()
  return lines.map((line) => {
    const json = line.slice(9)
    if (line.slice(0, 9) !== `${checksum(json)} `) return { damage: 'the checksum of the line does not match' }
    return parsePut(json)
  })
}

function parsePut(json: string): SpooledPut {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return { damage: 'not JSON' }
  }
  if (Array.isArray(value) && value.every(isAppendRequest)) return { requests: value }
  return { damage: 'JSON, but not append requests' }
}

function isAppendRequest(value: unknown): value is AppendRequest {
  const request = value as Partial<AppendRequest> | null
  return typeof request?.streamId === 'string' && Array.isArray(request.events) && request.events.every(isEvent)
}

function isEvent(value: unknown): boolean {
  return typeof (value as { idempotencyKey?: unknown } | null)?.idempotencyKey === 'string'
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0')
}
