import { type FileHandle, open } from 'node:fs/promises'
import { diskError } from './disk-error.ts'

/** Big enough that a read costs little beside parsing what it brought, small enough that many readers fit in memory. */
const CHUNK_BYTES = 262_144
const NEWLINE = 10

export interface Line {
  /** The byte at which it begins. */
  readonly offset: number
  /** Without the newline. A view that is valid until the next step. */
  readonly bytes: Buffer
  /** The last bytes of the range may lack their newline: a write that was cut off. */
  readonly complete: boolean
}

/** The lines of a file from a byte on, up to another. Memory stays at one chunk, or at the longest line. */
export async function* readLines(file: FileHandle, from: number, to: number, signal?: AbortSignal): AsyncGenerator<readonly Line[]> {
  let rest: Buffer = Buffer.alloc(0)
  let restOffset = from
  for (let at = from; at < to; ) {
    signal?.throwIfAborted()
    const fresh = Buffer.allocUnsafe(Math.min(Math.max(CHUNK_BYTES, rest.length), to - at))
    const { bytesRead } = await file.read(fresh, 0, fresh.length, at)
    if (bytesRead === 0) break
    at += bytesRead
    const chunk: Buffer = rest.length === 0 ? fresh.subarray(0, bytesRead) : Buffer.concat([rest, fresh.subarray(0, bytesRead)])

    const lines: Line[] = []
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      lines.push({ offset: restOffset + start, bytes: chunk.subarray(start, end), complete: true })
      start = end + 1
    }
    rest = chunk.subarray(start)
    restOffset += start
    if (lines.length > 0) yield lines
  }
  if (rest.length > 0) yield [{ offset: restOffset, bytes: rest, complete: false }]
}

/** @throws CommsError `store_unavailable` */
export async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (cause) {
    throw diskError(`Cannot read ${path}`, cause)
  }
}
