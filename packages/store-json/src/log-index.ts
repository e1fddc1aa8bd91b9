/** Where a line lies. */
export interface Place {
  /** Index of its day file. */
  readonly file: number
  readonly offset: number
  /** Bytes, without the newline. */
  readonly length: number
}

interface Stream {
  version: number
  last: number
}

const NONE = -1

/**
 * What the store knows of its log without reading it: which lines may hold a key, and which lines make a stream. About 40 bytes an
 * event. Keys are held as 64-bit hashes, so a hit is a candidate: the line must be read to be sure; a miss is certain.
 */
export class LogIndex {
  readonly #streams = new Map<string, Stream>()
  #count = 0
  #files = new Uint16Array(1024)
  #offsets = new Float64Array(1024)
  #lengths = new Uint32Array(1024)
  #previousInStream = new Int32Array(1024)
  #hashes = new Int32Array(2 * 1024)
  /** Open addressing over the entries, at most half full. */
  #slots = new Int32Array(4096).fill(NONE)

  get count(): number {
    return this.#count
  }

  add(place: Place, key: string, streamId: string, version: number): void {
    if (this.#count === this.#files.length) this.#grow()
    const entry = this.#count++
    const stream = this.#streams.get(streamId)
    const [high, low] = hash(key)
    this.#files[entry] = place.file
    this.#offsets[entry] = place.offset
    this.#lengths[entry] = place.length
    this.#previousInStream[entry] = stream?.last ?? NONE
    this.#hashes[2 * entry] = high
    this.#hashes[2 * entry + 1] = low
    this.#insert(entry)
    if (stream) Object.assign(stream, { version: Math.max(version, stream.version), last: entry })
    else this.#streams.set(streamId, { version, last: entry })
  }

  /** The lines that may hold this key, oldest first; almost always none or one. */
  candidates(key: string): Place[] {
    const [high, low] = hash(key)
    const entries: number[] = []
    const mask = this.#slots.length - 1
    for (let slot = low & mask; this.#slots[slot] !== NONE; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] as number
      if (this.#hashes[2 * entry] === high && this.#hashes[2 * entry + 1] === low) entries.push(entry)
    }
    return entries.sort((a, b) => a - b).map((entry) => this.#place(entry))
  }

  versionOf(streamId: string): number {
    return this.#streams.get(streamId)?.version ?? 0
  }

  /** The lines of a stream, oldest first. */
  placesOf(streamId: string): Place[] {
    const places: Place[] = []
    for (let entry = this.#streams.get(streamId)?.last ?? NONE; entry !== NONE; entry = this.#previousInStream[entry] as number) {
      places.push(this.#place(entry))
    }
    return places.reverse()
  }

  #place(entry: number): Place {
    return { file: this.#files[entry] as number, offset: this.#offsets[entry] as number, length: this.#lengths[entry] as number }
  }

  #insert(entry: number): void {
    const mask = this.#slots.length - 1
    let slot = (this.#hashes[2 * entry + 1] as number) & mask
    while (this.#slots[slot] !== NONE) slot = (slot + 1) & mask
    this.#slots[slot] = entry
  }

  #grow(): void {
    const size = this.#files.length * 2
    const grown = <Numbers extends { set(from: Numbers): void }>(from: Numbers, to: Numbers) => {
      to.set(from)
      return to
    }
    this.#files = grown(this.#files, new Uint16Array(size))
    this.#offsets = grown(this.#offsets, new Float64Array(size))
    this.#lengths = grown(this.#lengths, new Uint32Array(size))
    this.#previousInStream = grown(this.#previousInStream, new Int32Array(size))
    this.#hashes = grown(this.#hashes, new Int32Array(2 * size))
    this.#slots = new Int32Array(4 * size).fill(NONE)
    for (let entry = 0; entry < this.#count; entry += 1) this.#insert(entry)
  }
}

/** Two independent 32-bit FNV-1a hashes, mixed at the end so that the low bits can choose a slot. */
function hash(key: string): readonly [number, number] {
  let high = 0x811c9dc5
  let low = 0x9747b28c
  for (let index = 0; index < key.length; index += 1) {
    const code = key.charCodeAt(index)
    high = Math.imul(high ^ code, 0x01000193)
    low = Math.imul(low ^ code, 0x85ebca6b) + 0x27d4eb2f
  }
  low ^= low >>> 15
  return [high | 0, Math.imul(low, 0xc2b2ae35) | 0]
}
