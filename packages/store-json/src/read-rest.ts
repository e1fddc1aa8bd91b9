import type { FileHandle } from 'node:fs/promises'
import { CommsError, type KnownPlace } from '@pipe-comms/core'
import type { DayFile } from './day-file.ts'
import type { KeyHasher } from './key-hash.ts'
import type { LogIndex } from './log-index.ts'
import { type Line, readLines } from './read-lines.ts'
import { checksumOf } from './side-index.ts'
import { damagedPlace, isForeign, isOurs, parseLine } from './stored-line.ts'

export interface RestOfFile {
  readonly file: DayFile
  /** Index of the file in the log. */
  readonly number: number
  /** Bytes of the file. */
  readonly size: number
  readonly handle: FileHandle
  readonly index: LogIndex
  readonly hasher: KeyHasher
  /** As many bytes were durable, and acknowledged, when the side index was written. */
  readonly durable: number
}

/** How a day file ends. */
export type FileEnd =
  | { readonly kind: 'whole' }
  /** The last line belongs to the log and lacks its newline only. */
  | { readonly kind: 'open' }
  /** What begins at `from` does not belong to the log. */
  | { readonly kind: 'torn'; readonly from: number; readonly why: string }

/** A line that waits for the decision whether it belongs to the log. */
interface Held {
  readonly offset: number
  readonly length: number
  readonly text: string
  readonly known: KnownPlace
  readonly kind: 'event' | 'damaged' | 'junk'
}

/** Text that was written, not bytes that a disk made up. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const NOT_TEXT = /[\0-\x08\x0e-\x1f\ufffd]/
/** A foreign document of several lines is looked for in as much text. */
const MOST_FOREIGN_CHARACTERS = 16_777_216

/**
 * Reads the part of a day file that no index covers, adds its lines to the index, and says how the file ends. A damaged line that was once
 * of this log keeps its place; so does everything before a line of this log, and everything that was durable.
 * @throws CommsError `store_corrupt` for what another program wrote.
 */
export async function readRest(rest: RestOfFile): Promise<FileEnd> {
  const { file, size, handle, durable } = rest
  const start = file.size
  let held: Held[] = []
  /** Lines of the request that are still to come. */
  let left = 0
  let fragment: Line | undefined
  const settle = (end: number) => {
    for (const line of held) addLine(line, rest)
    held = []
    left = 0
    file.size = end
  }

  for await (const lines of readLines(handle, start, size)) {
    for (const line of lines) {
      if (!line.complete) {
        fragment = line
        continue
      }
      const end = line.offset + line.length + 1
      if (line.text.trim() === '') {
        if (held.length === 0) file.size = end
        continue
      }
      const found = lookAt(line)
      if (found.kind === 'foreign') throw foreign(file, line.offset)
      held.push(found.held)
      if (found.held.kind === 'junk') continue
      left = found.remaining ?? Math.max(0, left - 1)
      if (left === 0) settle(end)
    }
  }

  let isOpen = false
  if (fragment) {
    const found = lookAt(fragment)
    if (found.kind === 'foreign') throw foreign(file, fragment.offset)
    if (found.held.kind !== 'junk' && found.remaining === 0) {
      held.push(found.held)
      settle(size)
      isOpen = true
    }
  }
  const from = held[0]?.offset ?? (isOpen ? size : (fragment?.offset ?? size))
  if (from < size) {
    refuseForeign(file, held, fragment)
    if (from < durable) {
      if (fragment) held.push({ ...fragment, known: damagedPlace(fragment.text), kind: 'damaged' })
      isOpen = fragment !== undefined
      settle(size)
    }
  }
  file.crc = await checksumOf(handle, start, file.size, file.crc)
  if (isOpen) return { kind: 'open' }
  return from < size && file.size < size ? { kind: 'torn', from, why: whyTorn(held) } : { kind: 'whole' }
}

type Found = { readonly kind: 'foreign' } | { readonly kind: 'ours'; readonly held: Held; readonly remaining: number | undefined }

function lookAt({ offset, length, text }: Line): Found {
  const event = parseLine(text)
  if (event) {
    const { idempotencyKey, streamId, version } = event
    return {
      kind: 'ours',
      held: { offset, length, text: '', known: { idempotencyKey, streamId, version }, kind: 'event' },
      remaining: event.remaining ?? 0,
    }
  }
  if (isForeign(text)) return { kind: 'foreign' }
  const { remaining, ...known } = damagedPlace(text)
  return { kind: 'ours', held: { offset, length, text, known, kind: isOurs(text) ? 'damaged' : 'junk' }, remaining }
}

function addLine({ offset, length, known, kind }: Held, { file, number, index, hasher }: RestOfFile): void {
  if (kind !== 'event') file.damaged = [...file.damaged, offset]
  const { idempotencyKey = `unreadable:${file.day}:${offset}`, streamId = 'unknown', version = 0 } = known
  index.add({ file: number, offset, length }, hasher.hash(idempotencyKey), streamId, version)
}

/** A file without one line of this log, or a JSON document behind its lines, is of another program. */
function refuseForeign(file: DayFile, held: readonly Held[], fragment: Line | undefined): void {
  if (held.length === 0 || held.some(({ kind }) => kind !== 'junk')) return
  const texts = [...held, ...(fragment ? [fragment] : [])].map(({ text }) => text)
  const isText = texts.every((text) => !NOT_TEXT.test(text))
  const size = texts.reduce((sum, { length }) => sum + length, 0)
  const isDocument = size <= MOST_FOREIGN_CHARACTERS && isForeign(texts.join('\n'))
  if (isText && (file.size === 0 || isDocument)) throw foreign(file, held[0]?.offset ?? 0)
}

function foreign({ path }: DayFile, offset: number): CommsError {
  return new CommsError(
    'store_corrupt',
    `${path} holds what this log did not write, at byte ${offset}: an older or another log? It is left as it is. Move it out of the folder; legacyLog() with importLog() brings older records into the log`,
  )
}

function whyTorn(held: readonly Held[]): string {
  if (held.length === 0) return 'they end without a newline, and no append is acknowledged before its newline is on the disk'
  if (held.some(({ kind }) => kind === 'junk')) return 'they are not lines of this log'
  return 'they are a part of a request, and a request is acknowledged whole'
}
