import {
  type CountryCode,
  getCountryCallingCode,
  isSupportedCountry,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max'
import { CommsError } from '../errors.ts'
import { describe } from './describe.ts'
import { numberOfToday } from './grown-plan.ts'

/** 3 to 8 digits that are no phone number. */
export const SHORT_CODE = /^\d{3,8}$/

/** Digits with what is usually put between them. A slash is not among these: it may part two numbers. */
const PLAIN = /^[+\d(][+\d\s().\-\u2010-\u2015]*$/

/**
 * The E.164 number of a text that holds one phone number and nothing else. Numbers of the right length are taken although the list of
 * numbering plans does not have them, because plans change faster than the list, and so are numbers of old plans.
 */
export function readPhone(text: string, region: CountryCode | undefined): string | undefined {
  if (!PLAIN.test(text)) return undefined
  const number = parsed(text, region)
  if (number?.isValid()) return number.number
  if (SHORT_CODE.test(text)) return oldNumber(text, region)
  return number?.isPossible() ? number.number : oldNumber(text, region)
}

/**
 * The same for a piece of a longer text, where digits may be anything: a number must be listed, or be of the right length and begin with
 * a plus or with the prefix of national numbers, or be of an old plan.
 */
export function readMarkedPhone(text: string, region: CountryCode | undefined): string | undefined {
  if (!PLAIN.test(text)) return undefined
  const number = parsed(text, region)
  if (number?.isValid()) return number.number
  const isMarked = number && number.nationalNumber.length >= 7 && (isInternational(text) || digitsOf(text) !== number.nationalNumber)
  return isMarked && number.isPossible() ? number.number : oldNumber(text, region)
}

/** @throws CommsError `configuration_invalid` when it is no country code. */
export function regionOf(defaultRegion: string | undefined): CountryCode | undefined {
  const region = defaultRegion?.toUpperCase()
  if (region === undefined || isSupportedCountry(region)) return region
  throw new CommsError('configuration_invalid', `defaultRegion: expected an ISO country code such as "FR", got ${describe(defaultRegion)}`)
}

/** The number of today behind digits that a provider knows as a phone number, listed or not. */
export function knownPhone(digits: string): string {
  const whole = withoutMexicanOne(`+${digits}`)
  const listed = parsePhoneNumberFromString(whole)
  return listed?.isValid() ? listed.number : whole
}

function parsed(text: string, region: CountryCode | undefined): PhoneNumber | undefined {
  const dialled = region === 'MX' ? withoutMexicanPrefix(text) : text
  return parsePhoneNumberFromString(withoutMexicanOne(dialled.startsWith('00') ? `+${dialled.slice(2)}` : dialled), region)
}

/** Mexico took the 1 behind its country code away in 2019; WhatsApp writes it still, and answers go to the raw address. */
function withoutMexicanOne(international: string): string {
  if (!international.startsWith('+52')) return international
  const mobile = /^\+521([2-9]\d{9})$/.exec(international.replace(/[^+\d]/g, ''))
  return mobile ? `+52${mobile[1]}` : international
}

/** 01, 044 and 045 were dialled before numbers of 10 digits in Mexico until 2019. https://www.ift.org.mx */
function withoutMexicanPrefix(text: string): string {
  return /^(?:01|044|045)([2-9]\d{9})$/.exec(digitsOf(text))?.[1] ?? text
}

/** As it was written: the number of today is a twin of it. */
function oldNumber(text: string, region: CountryCode | undefined): string | undefined {
  const digits = digitsOf(text).replace(text.startsWith('00') ? /^00/ : /^/, '')
  const value = isInternational(text) ? `+${digits}` : region && `+${getCountryCallingCode(region)}${digits}`
  return value && numberOfToday(value) ? value : undefined
}

function isInternational(text: string): boolean {
  return /^\(?(\+|00)/.test(text)
}

function digitsOf(text: string): string {
  return text.replace(/\D/g, '')
}
