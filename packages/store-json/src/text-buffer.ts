const FIRST_BYTES = 262_144
/** UTF-8 takes at most three bytes for a UTF-16 code unit. */
const MOST_BYTES_A_UNIT = 3

/** Text on its way to the disk, encoded into one buffer that is used again for each write. */
export class TextBuffer {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #length = 0

  /** Bytes so far. */
  get length(): number {
    return this.#length
  }

  clear(): this {
    this.#length = 0
    // After a huge write the memory is given back.
    if (this.#buffer.length > 16 * FIRST_BYTES) this.#buffer = Buffer.allocUnsafe(FIRST_BYTES)
    return this
  }

  /** An object's JSON text, `end` in the place of its last brace. Gives the bytes that both took. */
  addLine(json: string, end: string): number {
    const brace = 1
    const bytes = this.#add(json) - brace
    this.#length -= brace
    return bytes + this.#add(end)
  }

  /** A view that is valid until the next `clear`. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  #add(text: string): number {
    this.#reserve(text.length * MOST_BYTES_A_UNIT)
    const bytes = this.#buffer.write(text, this.#length, 'utf8')
    this.#length += bytes
    return bytes
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#length + bytes))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}
