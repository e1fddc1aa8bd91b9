import { type CountryCode, getCountryCallingCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import type { ContactAddress } from '../events/contact-address.ts'
import { FRENCH_CODES, numberTwins } from './subscriber-number.ts'

export interface AddressMatcherOptions {
  /** ISO 3166 country of numbers that the directory holds without one, such as `FR`. Without it they match nothing. */
  readonly defaultRegion?: string
  /** Take `a+shop@example.com` for `a@example.com`. Right for most mail servers, not for all. @default false */
  readonly plusTags?: boolean
}

/** The spellings of an address, likeliest first, readable or not. */
export function spellingsOf(address: ContactAddress, options: AddressMatcherOptions): readonly string[] {
  switch (address.kind) {
    case 'email':
      return options.plusTags ? [...new Set([address.value, withoutTag(address.value)])] : [address.value]
    case 'phone':
      return [
        ...new Set([address.value, ...numberTwins(address.value).map(({ value }) => value)].flatMap((value) => spellings(value, options))),
      ]
    default:
      return []
  }
}

function spellings(e164: string, { defaultRegion }: AddressMatcherOptions): string[] {
  const digits = e164.slice(1)
  const number = parsePhoneNumberFromString(e164)
  if (!number) return [e164, digits]
  const { countryCallingCode, nationalNumber } = number
  const national = number.formatNational()
  const trunked = national.replace(/\D/g, '')
  const home = isReadableAt(countryCallingCode, defaultRegion) ? homeSpellings(national, nationalNumber) : []
  // `+33 (0)6 39…` and `+330639…` have the same digits.
  const slip =
    trunked === `0${nationalNumber}`
      ? [`+${countryCallingCode}${trunked}`, `${countryCallingCode}${trunked}`, `00${countryCallingCode}${trunked}`]
      : []
  // What is dialled before a number abroad: 00 nearly everywhere, 011 in North America.
  const abroad = isReadableAt('1', defaultRegion) ? [`011${digits}`] : []
  return [e164, digits, ...home, number.formatInternational(), `00${digits}`, ...abroad, ...slip]
}

function homeSpellings(national: string, nationalNumber: string): string[] {
  const groups = national.replace(/[^\d]+/g, ' ').trim()
  return [groups.replaceAll(' ', ''), national, groups, groups.replaceAll(' ', '.'), groups.replaceAll(' ', '-'), nationalNumber]
}

/** A national spelling says a number only where its plan is the default region's. */
function isReadableAt(callingCode: string, defaultRegion: string | undefined): boolean {
  if (defaultRegion === undefined || !isSupportedCountry(defaultRegion)) return false
  const home = getCountryCallingCode(defaultRegion as CountryCode)
  return home === callingCode || (FRENCH_CODES.includes(home) && FRENCH_CODES.includes(callingCode))
}

/**
 * The digits that end every spelling of a phone number, so that a field that holds it among other text holds these: the national number,
 * or the end of it where something is put between its digits at home. One for each number of the subscriber, unless another one's digits
 * end with it.
 */
export function endingsOf(address: ContactAddress): readonly string[] {
  if (address.kind !== 'phone') return []
  const endings = [address.value, ...numberTwins(address.value).map(({ value }) => value)].map((value) => {
    const number = parsePhoneNumberFromString(value)
    if (!number) return value.slice(1)
    const { nationalNumber } = number
    // Argentina: 9 11 2345 6789 is 011 15-2345-6789 at home.
    return number.formatNational().replace(/\D/g, '').endsWith(nationalNumber) ? nationalNumber : nationalNumber.slice(-8)
  })
  return [...new Set(endings)].filter((one) => !endings.some((other) => other !== one && one.endsWith(other)))
}

export function withoutTag(email: string): string {
  const at = email.lastIndexOf('@')
  const plus = email.indexOf('+')
  return plus > 0 && plus < at ? email.slice(0, plus) + email.slice(at) : email
}
