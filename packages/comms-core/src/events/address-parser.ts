import { LRUCache } from 'lru-cache'
import { checkOf, optionsObject, type Shape, wholeNumber } from '../check-options.ts'
import { CommsError } from '../errors.ts'
import { type AddressOptions, type ContactAddress, parseContactAddress } from './contact-address.ts'
import { regionOption } from './region-option.ts'

export interface AddressParserOptions extends AddressOptions {
  /** Most spellings remembered; the one used longest ago goes first. At about 200 bytes each. @default 10000 */
  readonly maxCached?: number
}

const shape: Shape<AddressParserOptions> = { defaultRegion: regionOption.optional(), maxCached: wholeNumber(1).optional() }
const checkOptions = checkOf('addressParser', optionsObject(shape))

/**
 * {@link parseContactAddress} that remembers what it read. Parsing a phone number costs about 10 µs, and the same few thousand contacts
 * write all day. What cannot be read is remembered too. The addresses it gives are frozen, for many share them.
 * @example
 * const parse = addressParser({ defaultRegion: 'FR' })
 * parse('06 39 98 00 01').value // '+33639980001'
 */
export function addressParser(options: AddressParserOptions = {}): (raw: string) => ContactAddress {
  checkOptions(options)
  const { maxCached = 10_000, ...reading } = options
  const read = new LRUCache<string, ContactAddress | { readonly refused: string }>({ max: maxCached })
  return (raw) => {
    if (typeof raw !== 'string') return parseContactAddress(raw, reading)
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
