import { type CountryCode, getCountryCallingCode, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { LRUCache } from 'lru-cache'
import { checkOf, optionsObject, type Shape, trueOrFalse } from '../check-options.ts'
import { addressParser } from '../events/address-parser.ts'
import { type ContactAddress, phoneNumbersIn } from '../events/contact-address.ts'
import { numberOfToday } from '../events/grown-plan.ts'
import { plainText } from '../events/plain-text.ts'
import { regionOption } from '../events/region-option.ts'
import { type AddressMatcherOptions, endingsOf, spellingsOf, withoutTag } from './address-variants.ts'
import { numberTwins, subscriberNumber } from './subscriber-number.ts'

/** How sure a tie is. `certain`: the very address. `probable`: the same by the rules of the numbering plan. `possible`: several fit. */
export type Certainty = 'certain' | 'probable' | 'possible'

export interface AddressMatch {
  /** Such as `phone`, `phone:national`, `phone:ninth-digit`, `email`, `email:plus-tag`. */
  readonly rule: string
  readonly certainty: Certainty
}

/** Reads what a directory holds and compares it with who wrote. */
export interface AddressMatcher {
  /**
   * Whether this text, as the directory holds it, is this address, and by which rule. A text may hold several phone numbers, with words
   * around them: any of them counts.
   */
  match(held: string, seen: ContactAddress): AddressMatch | undefined
  /** A key that is equal for addresses that match: for an index. The first of {@link keysOf}. */
  keyOf(held: string): string | undefined
  /** The keys of all addresses in the text, each once. None for text without a phone number or e-mail address. */
  keysOf(held: string): readonly string[]
  /** The key of an address as we saw it. */
  keyOfAddress(address: ContactAddress): string
  /**
   * The spellings under which a directory may hold an address, the likeliest first, each once, and each one that `match` takes for it: for
   * a phone number E.164, its digits, the national ones where `defaultRegion` says that they can be read, with spaces, dots and dashes,
   * with 00, and the same of the other numbers of the subscriber. For searching: what the search brings is still to be verified. None for
   * privacy ids, groups and sender names.
   */
  variants(address: ContactAddress): readonly string[]
  /**
   * The digits that end a phone number in every spelling of it, for each number of the subscriber: for searching fields that hold more than
   * the number. None for other addresses.
   */
  endings(address: ContactAddress): readonly string[]
}

const shape: Shape<AddressMatcherOptions> = { defaultRegion: regionOption.optional(), plusTags: trueOrFalse.optional() }
const checkOptions = checkOf('addressMatcher', optionsObject(shape))

/**
 * Tells whether two spellings are one phone number or mailbox, with a real parser: looking alike is not enough.
 * @example
 * addressMatcher({ defaultRegion: 'FR' }).match('06 39 98 00 01', parseContactAddress('+33639980001')) // phone:national
 */
export function addressMatcher(options: AddressMatcherOptions = {}): AddressMatcher {
  checkOptions(options)
  const { defaultRegion, plusTags = false } = options
  // A dozen spellings, each parsed: worth keeping while a question about an address goes through several hands.
  const variants = new LRUCache<string, readonly string[]>({ max: 1000 })
  const fields = new LRUCache<string, readonly Held[]>({ max: 10_000 })
  const reading = defaultRegion === undefined ? {} : { defaultRegion }
  const parse = addressParser(reading)
  const read = (text: string): ContactAddress | undefined => {
    try {
      return parse(text)
    } catch {
      return undefined
    }
  }

  const readOne = (text: string): Held | undefined => {
    const address = read(text) ?? unlisted(text)
    if (address?.kind === 'email') return { address, spelling: 'whole' }
    // A directory holds no privacy ids, groups and sender names; a number it holds may be too short to be more than a short code.
    if (address && address.kind !== 'phone') return undefined
    if (/^(\+|00|011|\(\+)/.test(text)) return address && { address, spelling: 'whole' }
    const digits = text.replace(/\D/g, '')
    // Without a mark it is the default region's own, unless it can only be a whole number that lost its plus.
    const whole = /^[1-9]\d{7,14}$/.test(digits) ? read(`+${digits}`) : undefined
    const isWhole = whole !== undefined && (isListed(whole.value) || numberOfToday(whole.value) !== undefined)
    if (!address) return isWhole ? { address: whole, spelling: 'digits' } : undefined
    if (address.value === `+${digits}`) return { address, spelling: 'digits' }
    if (isWhole && lacksTrunk(address.value, digits)) {
      // Nobody leaves the zero away and means the digits of their own country code by chance; of another's, both readings are as good.
      const isHome = defaultRegion !== undefined && digits.startsWith(getCountryCallingCode(defaultRegion.toUpperCase() as CountryCode))
      return isListed(address.value) && !isHome ? undefined : { address: whole, spelling: 'digits' }
    }
    return { address, spelling: 'national' }
  }

  const heldOf = (held: string): readonly Held[] => {
    const known = fields.get(held)
    if (known) return known
    const usual = USUAL.test(held) || held.includes('@') ? readOne(held.trim()) : undefined
    const texts = usual ? [] : phoneNumbersIn(held, reading).map(({ text }) => text)
    // A number that no plan has is one too, where it is written with its country.
    if (texts.length === 0 && held.length <= 512) texts.push(plainText(held).trim())
    const read = usual ? [usual] : texts.flatMap((text) => readOne(text) ?? [])
    if (held.length <= 512) fields.set(held, read)
    return read
  }

  const keyOfAddress = ({ kind, value }: ContactAddress) => {
    if (kind === 'phone') return `phone:${subscriberNumber(value)}`
    if (kind === 'email') return `email:${plusTags ? withoutTag(value) : value}`
    return `${kind}:${value}`
  }

  const keysOf = (held: string) => [...new Set(heldOf(held).map(({ address }) => keyOfAddress(address)))]

  const match: AddressMatcher['match'] = (held, seen) => {
    const key = keyOfAddress(seen)
    const matches = heldOf(held).flatMap((one) => (keyOfAddress(one.address) === key ? matchOf(one, seen) : []))
    return matches.find(({ certainty }) => certainty === 'certain') ?? matches[0]
  }

  return {
    match,
    keyOfAddress,
    variants: (address) => {
      const known = variants.get(address.value)
      if (known) return known
      const readable = [...new Set(spellingsOf(address, options))].filter((text) => match(text, address) !== undefined)
      variants.set(address.value, readable)
      return readable
    },
    endings: endingsOf,
    keyOf: (held) => keysOf(held)[0],
    keysOf,
  }
}

function matchOf({ address, spelling }: Held, seen: ContactAddress): AddressMatch {
  if (seen.kind === 'email') {
    return address.value === seen.value ? { rule: 'email', certainty: 'certain' } : { rule: 'email:plus-tag', certainty: 'probable' }
  }
  if (address.value !== seen.value) {
    const twin = numberTwins(seen.value).find(({ value }) => value === address.value)
    return { rule: `phone:${twin?.rule ?? 'plan'}`, certainty: 'probable' }
  }
  if (spelling === 'whole') return { rule: 'phone', certainty: 'certain' }
  return { rule: `phone:${spelling}`, certainty: spelling === 'digits' ? 'certain' : 'probable' }
}

interface Held {
  readonly address: ContactAddress
  readonly spelling: Spelling
}

/** Digits and what is usually put between those of one number. */
const USUAL = /^[+\d\s().-]+$/

/** `whole`: with its country. `digits`: with it, but without the plus. `national`: without. */
type Spelling = 'whole' | 'digits' | 'national'

/** WhatsApp knows numbers that the numbering plans here do not list yet, and so may a directory: the very same digits are the same number. */
function unlisted(text: string): ContactAddress | undefined {
  const value = text.replace(/[\s().\-/]/g, '')
  return /^\+\d{7,15}$/.test(value) ? { kind: 'phone', value, raw: text } : undefined
}

/** Some countries write a prefix before national numbers. Digits without it, where there should be one, may as well be a whole number. */
function lacksTrunk(value: string, digits: string): boolean {
  const number = parsePhoneNumberFromString(value)
  return number !== undefined && number.nationalNumber === digits && number.formatNational().replace(/\D/g, '') !== digits
}

function isListed(value: string): boolean {
  return parsePhoneNumberFromString(value)?.isValid() === true
}
