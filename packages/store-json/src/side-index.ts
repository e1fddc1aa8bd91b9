import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { FileEntries } from './log-index.ts'

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
  readonly entries: FileEntries
}

const FORMAT = 'pipe-comms side index 1'
const NEWLINE = 10
const CHECKSUM_BYTES = 4

export function sideIndexPath(dayFile: string): string {
  return `${dayFile}.index`
}

/** The index, or nothing when there is none or it is not whole. */
export async function readSideIndex(dayFile: string): Promise<SideIndex | undefined> {
  try {
    const file = await readFile(sideIndexPath(dayFile))
    const content = file.subarray(CHECKSUM_BYTES)
    if (file.readUInt32LE(0) !== crc32(content)) return undefined
    const end = content.indexOf(NEWLINE)
    const header = JSON.parse(content.toString('utf8', 0, end))
    if (header.format !== FORMAT) return undefined
    const { bytes, crc, damaged, events, streamIds, versions } = header
    // A copy begins at an address that typed arrays can start from.
    const arrays = Uint8Array.from(content.subarray(end + 1)).buffer
    if (arrays.byteLength !== 24 * events) return undefined
    const entries: FileEntries = {
      offsets: new Float64Array(arrays, 0, events),
      lengths: new Uint32Array(arrays, 8 * events, events),
      streams: new Uint32Array(arrays, 12 * events, events),
      hashes: new Int32Array(arrays, 16 * events, 2 * events),
      streamIds,
      versions,
    }
    return { bytes, crc, damaged, entries }
  } catch {
    return undefined
  }
}

/** Written aside and renamed, so that a crash leaves the old index or the new one. */
export async function writeSideIndex(dayFile: string, { bytes, crc, damaged, entries }: SideIndex): Promise<void> {
  const { offsets, lengths, streams, hashes, streamIds, versions } = entries
  const header = { format: FORMAT, bytes, crc, damaged, events: offsets.length, streamIds, versions }
  const parts = [offsets, lengths, streams, hashes].map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength))
  const content = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...parts])
  const checksum = Buffer.alloc(CHECKSUM_BYTES)
  checksum.writeUInt32LE(crc32(content))
  const temporary = `${sideIndexPath(dayFile)}.${randomUUID()}`
  try {
    await writeFile(temporary, Buffer.concat([checksum, content]))
    await rename(temporary, sideIndexPath(dayFile))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
