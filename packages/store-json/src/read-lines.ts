import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { diskError } from './disk-error.ts'
import { openPrivate } from './private-file.ts'

/** Big enough that a read costs little beside parsing what it brought, small enough that many readers fit in memory. */
export const CHUNK_BYTES = 131_072
const NEWLINE = 10

export interface Line {
  /** The byte at which it begins. */
  readonly offset: number
  /** Bytes, without the newline. */
  readonly length: number
  readonly text: string
  /** The last bytes of the range may lack their newline: a write that was cut off. */
  readonly complete: boolean
}

/**
 * The lines of a file from a byte on, up to another. Memory stays at one chunk, or at the longest line. The next chunk is read while the
 * lines of this one are used.
 */
export async function* readLines(file: FileHandle, from: number, to: number, signal?: AbortSignal): AsyncGenerator<readonly Line[]> {
  // One buffer for all chunks: lines are decoded before the next read begins, and only the cut one at the end is carried over.
  let buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(1, to - from)))
  let filled = 0
  let offset = from
  let at = from
  const readMore = () => {
    if (filled === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length)
    const reading = file.read(buffer, filled, Math.min(buffer.length - filled, to - at), at)
    // Who stops in the middle does not hear of it.
    reading.catch(() => {})
    return reading
  }
  let reading = at < to ? readMore() : undefined
  while (reading) {
    signal?.throwIfAborted()
    const { bytesRead } = await reading
    if (bytesRead === 0) break
    at += bytesRead
    filled += bytesRead
    const end = buffer.subarray(0, filled).lastIndexOf(NEWLINE)
    const lines = end < 0 ? [] : splitLines(buffer.subarray(0, end), offset)
    if (end >= 0) {
      buffer.copyWithin(0, end + 1, filled)
      filled -= end + 1
      offset += end + 1
    }
    reading = at < to ? readMore() : undefined
    if (lines.length > 0) yield lines
  }
  if (filled > 0) yield [{ offset, length: filled, text: buffer.toString('utf8', 0, filled), complete: false }]
}

/** Decoding a chunk at once is much quicker than line by line. It needs whole UTF-8: in damaged bytes text and bytes differ in length. */
function splitLines(bytes: Buffer, from: number): Line[] {
  if (!isUtf8(bytes)) return splitDamaged(bytes, from)
  const whole = bytes.toString('utf8')
  const ascii = whole.length === bytes.length
  let offset = from
  return whole.split('\n').map((text) => {
    const line = { offset, length: ascii ? text.length : Buffer.byteLength(text), text, complete: true }
    offset += line.length + 1
    return line
  })
}

function splitDamaged(bytes: Buffer, from: number): Line[] {
  const lines: Line[] = []
  for (let start = 0; start <= bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, start)
    const end = found < 0 ? bytes.length : found
    lines.push({ offset: from + start, length: end - start, text: bytes.toString('utf8', start, end), complete: true })
    start = end + 1
  }
  return lines
}

/** @throws CommsError `store_unavailable`, `store_corrupt` for what is no plain file */
export async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await openPrivate(path, constants.O_RDONLY)
  } catch (cause) {
    throw diskError(`Cannot read ${path}`, cause)
  }
}
