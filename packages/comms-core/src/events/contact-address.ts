import { z } from 'zod'
import { kindOf } from '../check-options.ts'
import { CommsError } from '../errors.ts'
import { describe } from './describe.ts'
import { readEmail, readLenientEmail } from './email-address.ts'
import { otherAddress } from './other-address.ts'
import { readPhone, regionOf, SHORT_CODE } from './phone-number.ts'
import { type PhoneInText, phonesIn } from './phone-text.ts'
import { plainText } from './plain-text.ts'
import { readSenderName } from './sender-name.ts'
import { isWhatsAppServer, readUserId, readWhatsAppId } from './whatsapp-id.ts'

/**
 * One place where a party can be reached. `value` is the one canonical spelling, by which addresses are compared and streams are
 * named; `raw` is what the provider or the caller wrote, to which answers go.
 *
 * | kind | canonical `value` | from |
 * |---|---|---|
 * | `phone` | `+33639980001` (E.164) | `06 39 98 00 01` with region FR, `33639980001@c.us`, `whatsapp:+33639980001` |
 * | `email` | `a@example.com` (lower case, domain in ASCII) | `A@Example.com`, `mailto:a@example.com` |
 * | `lid` | `lid:100000000000001`, `lid:FR.ABC123XYZ` | `100000000000001@lid`, `whatsapp:FR.ABC123XYZ`: a WhatsApp privacy id, never a phone number |
 * | `group` | `group:120363000000000001` | `120363000000000001@g.us` |
 * | `broadcast` | `broadcast:status` | `status@broadcast`, `…@newsletter` |
 * | `short-code` | `36184`, `+3336184` | 3 to 8 digits that are no phone number, with or without a country code |
 * | `sender-name` | `L'AGENCE` (upper case) | alphanumeric SMS sender, at most 11 characters with a letter |
 * | `other` | `other:867051000000001%40bot` | whatever a provider wrote that is none of the above, see {@link anyContactAddress} |
 */
export const contactAddressSchema = z.strictObject({
  kind: z.enum(['phone', 'email', 'lid', 'group', 'broadcast', 'short-code', 'sender-name', 'other']),
  value: z.string().min(1).max(512),
  raw: z.string().min(1).max(512),
})

export type ContactAddress = z.infer<typeof contactAddressSchema>

export interface AddressOptions {
  /** ISO 3166 country whose national spellings are understood, such as `FR`. Without it a phone number must be international. */
  readonly defaultRegion?: string
}

/**
 * Reads an address that a person typed, in any of the spellings above. Invisible characters, words and extensions around a phone number
 * are no part of it: `Tél. : 06 39 98 00 01 (bureau)`.
 * @throws CommsError `address_invalid` when it is none of them, or holds several phone numbers; `configuration_invalid` when
 * `defaultRegion` is no country code.
 * @example
 * parseContactAddress('06 39 98 00 01', { defaultRegion: 'FR' }).value // '+33639980001'
 */
export function parseContactAddress(raw: string, options: AddressOptions = {}): ContactAddress {
  if (typeof raw !== 'string') throw notText(raw)
  const text = raw.trim()
  if (text.length === 0 || text.length > MOST_CHARACTERS) throw unreadable(raw)
  const known = readPlain(text, options)
  if (known) return { ...known, raw: text }
  const phones = text.includes('@') ? [] : phoneNumbersIn(text, options)
  if (phones.length > 1) {
    throw new CommsError(
      'address_invalid',
      `Expected one phone number, e-mail address or chat id, got ${phones.length} numbers in ${describe(raw)}`,
    )
  }
  const [phone] = phones
  // What was cut away around the number must not be dialled with it.
  if (phone) return { kind: 'phone', value: phone.value, raw: phone.text }
  const name = readSenderName(text)
  if (name === undefined || text.includes('@')) throw unreadable(raw)
  return { kind: 'sender-name', value: name, raw: text }
}

/**
 * Reads an address that a provider wrote, more leniently than {@link parseContactAddress}: the sender of a mail counts although its address
 * breaks a rule, and so does a number that no plan has. Text of no known kind becomes an address of kind `other`, so that an odd address
 * never costs the message it came with. Nothing but letters, digits and the signs of its kind gets into a `value`.
 * @throws CommsError `address_invalid` only for text that is empty; `configuration_invalid` when `defaultRegion` is no country code.
 * @example
 * anyContactAddress('867051000000001@bot').value // 'other:867051000000001%40bot'
 */
export function anyContactAddress(raw: string, options: AddressOptions = {}): ContactAddress {
  if (typeof raw !== 'string') throw notText(raw)
  const text = raw.trim()
  if (text.length === 0) throw unreadable(raw)
  if (text.length > MOST_CHARACTERS) return { kind: 'other', value: otherAddress(text), raw: wellFormed(text.slice(0, MOST_CHARACTERS)) }
  const known = readPlain(text, options) ?? readOdd(text, options)
  return known ? { ...known, raw: text } : { kind: 'other', value: otherAddress(text), raw: wellFormed(text) }
}

/** The phone numbers of a text that a person wrote, each once; see {@link phonesIn}. */
export function phoneNumbersIn(text: string, { defaultRegion }: AddressOptions = {}): readonly PhoneInText[] {
  return phonesIn(text, regionOf(defaultRegion))
}

const MOST_CHARACTERS = 512

function notText(raw: unknown): CommsError {
  return new CommsError('address_invalid', `Expected an address as a text, got ${kindOf(raw)}`)
}

type Canonical = Omit<ContactAddress, 'raw'>

/** An address that is written as it should be. */
function readPlain(text: string, { defaultRegion }: AddressOptions): Canonical | undefined {
  const [, scheme = '', bare = text] = SCHEME.exec(text) ?? []
  const at = bare.lastIndexOf('@')
  if (at >= 0) {
    if (!isWhatsAppServer(bare.slice(at + 1))) return asEmail(readEmail(bare, at))
    const known = readWhatsAppId(bare, at)
    return known?.kind === 'other' ? undefined : known
  }
  const phone = readPhone(bare, regionOf(defaultRegion))
  if (phone !== undefined) return { kind: 'phone', value: phone }
  if (SHORT_CODE.test(bare)) return { kind: 'short-code', value: bare }
  return scheme.toLowerCase() === 'whatsapp:' || bare.length > 11 ? readUserId(bare) : undefined
}

const SCHEME = /^(whatsapp:|sms:|tel:|mailto:)(.*)$/is

/** What only a provider writes. */
function readOdd(text: string, { defaultRegion }: AddressOptions): Canonical | undefined {
  const bare = SCHEME.exec(text)?.[2] ?? text
  const at = bare.lastIndexOf('@')
  if (at >= 0) return isWhatsAppServer(bare.slice(at + 1)) ? readWhatsAppId(bare, at) : asEmail(readLenientEmail(bare))
  const phone = readPhone(plainText(bare).trim(), regionOf(defaultRegion))
  if (phone !== undefined) return { kind: 'phone', value: phone }
  const international = /^\+([1-9]\d{4,14})$/.exec(bare)?.[1]
  // With its country a short code keeps it: another country may have the same code. https://www.itu.int/rec/T-REC-E.164
  if (international) return { kind: international.length < 9 ? 'short-code' : 'phone', value: `+${international}` }
  const name = readSenderName(bare)
  return name === undefined ? undefined : { kind: 'sender-name', value: name }
}

function asEmail(value: string | undefined): Canonical | undefined {
  return value === undefined ? undefined : { kind: 'email', value }
}

function wellFormed(text: string): string {
  return text.replace(/\p{Cs}/gu, '\ufffd')
}

function unreadable(raw: string): CommsError {
  return new CommsError('address_invalid', `Expected a phone number, e-mail address or chat id, got ${describe(raw)}`)
}
