import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KeyHash } from './key-hash.ts'

/** Where a line lies. */
export interface Place {
  /** Index of its day file. */
  readonly file: number
  readonly offset: number
  /** Bytes, without the newline. */
  readonly length: number
}

/** The entries of one day file as plain arrays, in the order of the file: what the side index keeps on disk. */
export interface FileEntries {
  readonly offsets: Float64Array
  readonly lengths: Uint32Array
  /** Two 32-bit hashes of the key for each entry. */
  readonly hashes: Int32Array
  /** For each entry, the index of its stream in `streamIds`. */
  readonly streams: Uint32Array
  readonly streamIds: readonly string[]
  /** The highest version of each stream in this file. */
  readonly versions: readonly number[]
}

const NONE = -1
/** Collected in a few milliseconds. */
const SLICE_ENTRIES = 32_768
/** The usual answer of a look-up, which every append makes. */
const NO_PLACES: readonly Place[] = []

/**
 * What the store knows of its log without reading it: which lines may hold a key, and which lines make a stream. About 40 bytes an
 * event. Keys are held as 64-bit hashes, so a hit is a candidate: the line must be read to be sure; a miss is certain.
 */
export class LogIndex {
  readonly #streamNumbers = new Map<string, number>()
  readonly #streamIds: string[] = []
  readonly #versions: number[] = []
  readonly #lastOfStream: number[] = []
  #count = 0
  #files = new Uint16Array(1024)
  #offsets = new Float64Array(1024)
  #lengths = new Uint32Array(1024)
  #streams = new Uint32Array(1024)
  #previousInStream = new Int32Array(1024)
  #hashes = new Int32Array(2 * 1024)
  /** Open addressing over the entries, at most half full. */
  #slots = new Int32Array(2048).fill(NONE)

  /** How many lines it knows. */
  get count(): number {
    return this.#count
  }

  /** Forgets the lines added after it knew `count` of them. */
  forgetAfter(count: number): void {
    while (this.#count > count) {
      const entry = this.#count - 1
      this.#slots[this.#slotOf(entry)] = NONE
      const stream = this.#streams[entry] as number
      this.#lastOfStream[stream] = this.#previousInStream[entry] as number
      this.#versions[stream] = (this.#versions[stream] as number) - 1
      this.#count = entry
    }
  }

  add(place: Place, [high, low]: KeyHash, streamId: string, version: number): void {
    this.#append(place.file, place.offset, place.length, high, low, this.#streamNumber(streamId), version)
  }

  /** Adds what the side index of a day file holds. */
  addFile(file: number, entries: FileEntries): void {
    const numbers = entries.streamIds.map((streamId) => this.#streamNumber(streamId))
    const { offsets, lengths, hashes, streams, versions } = entries
    this.#reserve(this.#count + offsets.length)
    for (let at = 0; at < offsets.length; at += 1) {
      const stream = streams[at] as number
      const [high, low] = [hashes[2 * at] as number, hashes[2 * at + 1] as number]
      this.#append(file, offsets[at] as number, lengths[at] as number, high, low, numbers[stream] as number, versions[stream] as number)
    }
  }

  /**
   * The entries of one day file whose lines are all durable, to be kept in its side index. Collected in slices between which the event loop
   * turns; lines added meanwhile do not matter.
   */
  async entriesOf(file: number): Promise<FileEntries> {
    const first = firstAtLeast(this.#files, this.#count, file)
    const end = firstAtLeast(this.#files, this.#count, file + 1)
    const versions = this.#versions.slice()
    const own = new Map<number, number>()
    const streams = new Uint32Array(end - first)
    for (let entry = first; entry < end; entry += 1) {
      const number = this.#streams[entry] as number
      const local = own.get(number) ?? own.size
      own.set(number, local)
      streams[entry - first] = local
      if ((entry - first) % SLICE_ENTRIES === SLICE_ENTRIES - 1) await nextTurn()
    }
    return {
      offsets: this.#offsets.slice(first, end),
      lengths: this.#lengths.slice(first, end),
      hashes: this.#hashes.slice(2 * first, 2 * end),
      streams,
      streamIds: [...own.keys()].map((number) => this.#streamIds[number] as string),
      versions: [...own.keys()].map((number) => versions[number] as number),
    }
  }

  /** Whether a line may hold this key. A miss is certain. */
  has([high, low]: KeyHash): boolean {
    const mask = this.#slots.length - 1
    for (let slot = low & mask; this.#slots[slot] !== NONE; slot = (slot + 1) & mask) {
      if (this.#isHashOf(this.#slots[slot] as number, high, low)) return true
    }
    return false
  }

  /** The lines that may hold this key, oldest first; almost always none or one. */
  candidates([high, low]: KeyHash): readonly Place[] {
    let entries: number[] | undefined
    const mask = this.#slots.length - 1
    for (let slot = low & mask; this.#slots[slot] !== NONE; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] as number
      if (!this.#isHashOf(entry, high, low)) continue
      entries ??= []
      entries.push(entry)
    }
    return entries ? entries.sort((a, b) => a - b).map((entry) => this.#place(entry)) : NO_PLACES
  }

  versionOf(streamId: string): number {
    const number = this.#streamNumbers.get(streamId)
    return number === undefined ? 0 : (this.#versions[number] as number)
  }

  /** The lines of a stream, oldest first. Those before `fromVersion` are left out: versions have no gaps. */
  placesOf(streamId: string, fromVersion: number): Place[] {
    const places: Place[] = []
    const number = this.#streamNumbers.get(streamId)
    let left = this.versionOf(streamId) - fromVersion + 1
    for (let entry = number === undefined ? NONE : (this.#lastOfStream[number] as number); entry !== NONE && left > 0; left -= 1) {
      places.push(this.#place(entry))
      entry = this.#previousInStream[entry] as number
    }
    return places.reverse()
  }

  #append(file: number, offset: number, length: number, high: number, low: number, stream: number, version: number): void {
    if (this.#count === this.#files.length) this.#grow(2 * this.#files.length)
    const entry = this.#count++
    this.#files[entry] = file
    this.#offsets[entry] = offset
    this.#lengths[entry] = length
    this.#streams[entry] = stream
    this.#hashes[2 * entry] = high
    this.#hashes[2 * entry + 1] = low
    this.#previousInStream[entry] = this.#lastOfStream[stream] as number
    this.#lastOfStream[stream] = entry
    this.#versions[stream] = Math.max(version, this.#versions[stream] as number)
    this.#insert(entry)
  }

  #streamNumber(streamId: string): number {
    const known = this.#streamNumbers.get(streamId)
    if (known !== undefined) return known
    const number = this.#streamIds.push(streamId) - 1
    this.#streamNumbers.set(streamId, number)
    this.#versions.push(0)
    this.#lastOfStream.push(NONE)
    return number
  }

  #isHashOf(entry: number, high: number, low: number): boolean {
    return this.#hashes[2 * entry] === high && this.#hashes[2 * entry + 1] === low
  }

  #place(entry: number): Place {
    return { file: this.#files[entry] as number, offset: this.#offsets[entry] as number, length: this.#lengths[entry] as number }
  }

  #insert(entry: number): void {
    this.#slots[this.#slotOf(entry)] = entry
  }

  /** Where an entry is, or would be put. */
  #slotOf(entry: number): number {
    const mask = this.#slots.length - 1
    let slot = (this.#hashes[2 * entry + 1] as number) & mask
    while (this.#slots[slot] !== NONE && this.#slots[slot] !== entry) slot = (slot + 1) & mask
    return slot
  }

  /** Makes room at once instead of by doubling, which would leave the smaller arrays behind. */
  #reserve(entries: number): void {
    let size = this.#files.length
    while (size < entries) size *= 2
    if (size > this.#files.length) this.#grow(size)
  }

  #grow(size: number): void {
    const grown = <Numbers extends { set(from: Numbers): void }>(from: Numbers, to: Numbers) => {
      to.set(from)
      return to
    }
    this.#files = grown(this.#files, new Uint16Array(size))
    this.#offsets = grown(this.#offsets, new Float64Array(size))
    this.#lengths = grown(this.#lengths, new Uint32Array(size))
    this.#streams = grown(this.#streams, new Uint32Array(size))
    this.#previousInStream = grown(this.#previousInStream, new Int32Array(size))
    this.#hashes = grown(this.#hashes, new Int32Array(2 * size))
    this.#slots = new Int32Array(2 * size).fill(NONE)
    for (let entry = 0; entry < this.#count; entry += 1) this.#insert(entry)
  }
}

/** Entries are added file after file, so their file numbers are sorted. */
function firstAtLeast(sorted: Uint16Array, count: number, wanted: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
