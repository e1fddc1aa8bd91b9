import { LRUCache } from 'lru-cache'
import { CommsError } from '../errors.ts'
import { type AddressOptions, type ContactAddress, parseContactAddress } from './contact-address.ts'

export interface AddressParserOptions extends AddressOptions {
  /** Most spellings remembered; the one used longest ago goes first. At about 200 bytes each. @default 10000 */
  readonly maxCached?: number
}

/**
 * {@link parseContactAddress} that remembers what it read. Parsing a phone number costs about 10 µs, and the same few thousand contacts
 * write all day. What cannot be read is remembered too. The addresses it gives are frozen, for many share them.
 * @example
 * const parse = addressParser({ defaultRegion: 'FR' })
 * parse('06 39 98 00 01').value // '+33639980001'
 */
export function addressParser(options: AddressParserOptions = {}): (raw: string) => ContactAddress {
  const { maxCached = 10_000, ...reading } = options
  if (!Number.isInteger(maxCached) || maxCached < 1) {
    throw new CommsError('configuration_invalid', `addressParser: maxCached: expected a whole number from 1, got ${maxCached}`)
  }
  const read = new LRUCache<string, ContactAddress | { readonly refused: string }>({ max: maxCached })
  return (raw) => {
    const known = read.get(raw)
    if (known) {
      if ('refused' in known) throw new CommsError('address_invalid', known.refused)
      return known
    }
    // A body of a megabyte in the place of an address must not stay in memory; no address is longer than this.
    const fits = raw.length <= 512
    try {
      const address = Object.freeze(parseContactAddress(raw, reading))
      if (fits) read.set(raw, address)
      return address
    } catch (error) {
      if (fits && error instanceof CommsError && error.code === 'address_invalid') read.set(raw, { refused: error.message })
      throw error
    }
  }
}
