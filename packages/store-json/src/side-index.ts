import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, rename, rm } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { HashSeed } from './key-hash.ts'
import type { FileEntries } from './log-index.ts'
import { openPrivate } from './private-file.ts'
import { CHUNK_BYTES } from './read-lines.ts'

/**
 * Beside each day file lies `….jsonl.index`, so that opening need not parse what was indexed before. It is never trusted: its own
 * checksum, and that of the bytes of the day file it speaks of, must both be right, or it is thrown away and the day file is read.
 */
export interface SideIndex {
  /** Bytes of the day file it covers, from the beginning. */
  readonly bytes: number
  /** CRC-32 of these bytes. */
  readonly crc: number
  /** Where damaged lines begin. */
  readonly damaged: readonly number[]
  /** The seed of the hashes in `entries`. */
  readonly hashSeed: HashSeed
  readonly entries: FileEntries
}

const FORMAT = 'pipe-comms side index 2'
/** CRC-32 of what follows, and the length of the header. */
const PREFIX_BYTES = 8
/** Typed arrays begin at multiples of this. */
const ALIGNMENT = 8
const ENTRY_BYTES = 24

export function sideIndexPath(dayFile: string): string {
  return `${dayFile}.index`
}

/** The index, or nothing when there is none or it is not whole. */
export async function readSideIndex(dayFile: string): Promise<SideIndex | undefined> {
  try {
    const file = await readAligned(sideIndexPath(dayFile))
    if (file.readUInt32LE(0) !== crc32(file.subarray(4))) return undefined
    const start = PREFIX_BYTES + file.readUInt32LE(4)
    const header = JSON.parse(file.toString('utf8', PREFIX_BYTES, start))
    if (header.format !== FORMAT) return undefined
    const { bytes, crc, damaged, hashSeed, events, streamIds, versions } = header
    if (file.length !== start + ENTRY_BYTES * events) return undefined
    const entries: FileEntries = {
      offsets: new Float64Array(file.buffer, start, events),
      lengths: new Uint32Array(file.buffer, start + 8 * events, events),
      streams: new Uint32Array(file.buffer, start + 12 * events, events),
      hashes: new Int32Array(file.buffer, start + 16 * events, 2 * events),
      streamIds,
      versions,
    }
    return { bytes, crc, damaged, hashSeed, entries }
  } catch {
    return undefined
  }
}

/**
 * Gives back the memory of entries that {@link readSideIndex} read, 24 bytes an event, at once: they lie in one buffer that would stay until
 * the next full collection. They are empty afterwards.
 */
export function releaseEntries({ offsets }: FileEntries): void {
  const { buffer } = offsets as { buffer: ArrayBufferLike & { transfer?(length: number): unknown } }
  buffer.transfer?.(0)
}

/** Written aside and renamed, so that a crash leaves the old index or the new one. */
export async function writeSideIndex(dayFile: string, { bytes, crc, damaged, hashSeed, entries }: SideIndex): Promise<void> {
  const { offsets, lengths, streams, hashes, streamIds, versions } = entries
  const header = { format: FORMAT, bytes, crc, damaged, hashSeed, events: offsets.length, streamIds, versions }
  const parts = [offsets, lengths, streams, hashes].map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength))
  const text = Buffer.from(JSON.stringify(header))
  const padded = Buffer.concat([text], Math.ceil(text.length / ALIGNMENT) * ALIGNMENT).fill(' ', text.length)
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32LE(padded.length, 4)
  const file = Buffer.concat([prefix, padded, ...parts])
  file.writeUInt32LE(crc32(file.subarray(4)), 0)
  const temporary = `${sideIndexPath(dayFile)}.${randomUUID()}`
  try {
    const handle = await openPrivate(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL)
    try {
      await handle.writeFile(file)
    } finally {
      await handle.close()
    }
    await rename(temporary, sideIndexPath(dayFile))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** A file at the beginning of memory of its own, so that arrays can be views of it. */
async function readAligned(path: string): Promise<Buffer<ArrayBuffer>> {
  const handle = await openPrivate(path, constants.O_RDONLY)
  try {
    const { size } = await handle.stat()
    const file = Buffer.allocUnsafeSlow(size)
    const { bytesRead } = await handle.read(file, 0, size, 0)
    return file.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** CRC-32 of the bytes of a range, going on from that of the bytes before it. */
export async function checksumOf(handle: FileHandle, from: number, to: number, before: number): Promise<number> {
  let crc = before
  const chunk = Buffer.allocUnsafe(4 * CHUNK_BYTES)
  for (let at = from; at < to; ) {
    const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, to - at), at)
    if (bytesRead === 0) break
    crc = crc32(chunk.subarray(0, bytesRead), crc)
    at += bytesRead
  }
  return crc
}
