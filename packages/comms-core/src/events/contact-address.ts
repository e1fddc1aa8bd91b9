import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { z } from 'zod'
import { kindOf } from '../check-options.ts'
import { CommsError } from '../errors.ts'

/**
 * One place where a party can be reached. `value` is the one canonical spelling, by which addresses are compared and streams are
 * named; `raw` is what the provider or the caller wrote, to which answers go.
 *
 * | kind | canonical `value` | from |
 * |---|---|---|
 * | `phone` | `+33639980001` (E.164) | `06 39 98 00 01` with region FR, `33639980001@c.us`, `whatsapp:+33639980001` |
 * | `email` | `a@example.com` (lower case, domain in ASCII) | `A@Example.com`, `mailto:a@example.com` |
 * | `lid` | `lid:100000000000001` | `100000000000001@lid`: a WhatsApp privacy id, never a phone number |
 * | `group` | `group:120363000000000001` | `120363000000000001@g.us` |
 * | `broadcast` | `broadcast:status` | `status@broadcast`, `…@newsletter` |
 * | `short-code` | `36184` | 3 to 8 digits that are no phone number |
 * | `sender-name` | `BRAND` (upper case) | alphanumeric SMS sender, at most 11 characters with a letter |
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
 * Reads an address in any of the spellings above.
 * @throws CommsError `address_invalid` when it is none of them; `configuration_invalid` when `defaultRegion` is no country code.
 * @example
 * parseContactAddress('06 39 98 00 01', { defaultRegion: 'FR' }).value // '+33639980001'
 */
export function parseContactAddress(raw: string, options: AddressOptions = {}): ContactAddress {
  if (typeof raw !== 'string') throw notText(raw)
  const text = raw.trim()
  const found = text.length === 0 || text.length > 512 ? undefined : read(text, options)
  if (!found) throw new CommsError('address_invalid', `Expected a phone number, e-mail address or chat id, got ${describe(raw)}`)
  return { ...found, raw: text }
}

/**
 * Reads an address that a provider wrote. Text of no known kind becomes an address of kind `other`, so that an odd address never costs
 * the message it came with. For what a person typed, use {@link parseContactAddress}, which refuses it.
 * @throws CommsError `address_invalid` only for text that is empty; `configuration_invalid` when `defaultRegion` is no country code.
 * @example
 * anyContactAddress('867051000000001@bot').value // 'other:867051000000001%40bot'
 */
export function anyContactAddress(raw: string, options: AddressOptions = {}): ContactAddress {
  if (typeof raw !== 'string') throw notText(raw)
  const text = raw.trim()
  const known = text.length === 0 || text.length > 512 ? undefined : read(text, options)
  if (known) return { ...known, raw: text }
  if (text.length === 0) throw new CommsError('address_invalid', `Expected an address, got ${describe(raw)}`)
  return { kind: 'other', value: `other:${encodeURIComponent(text.replace(/\p{Cs}/gu, '\ufffd'))}`.slice(0, 512), raw: text.slice(0, 512) }
}

function notText(raw: unknown): CommsError {
  return new CommsError('address_invalid', `Expected an address as a text, got ${kindOf(raw)}`)
}

type Canonical = Omit<ContactAddress, 'raw'>

function read(text: string, options: AddressOptions): Canonical | undefined {
  const bare = text.replace(/^(whatsapp|sms|tel|mailto):/i, '')
  const at = bare.lastIndexOf('@')
  if (at >= 0) return WHATSAPP_SERVERS.has(bare.slice(at + 1).toLowerCase()) ? readJid(bare, at) : readEmail(bare, at)
  return readPhone(bare, options) ?? readSender(bare)
}

const WHATSAPP_SERVERS = new Set(['c.us', 's.whatsapp.net', 'lid', 'g.us', 'broadcast', 'newsletter'])

/** WhatsApp ids: `<user>[:<device>]@<server>`. https://green-api.com/en/docs/api/chat-id/ */
function readJid(text: string, at: number): Canonical | undefined {
  const user = text.slice(0, at).split(':')[0] as string
  switch (text.slice(at + 1).toLowerCase()) {
    case 'c.us':
    case 's.whatsapp.net': {
      // WhatsApp knows numbers that the numbering plans here do not list yet: digits from it are a phone number, listed or not.
      if (!/^\d{5,16}$/.test(user)) return undefined
      const whole = withoutMexicanOne(`+${user}`)
      const listed = parsePhoneNumberFromString(whole)
      return { kind: 'phone', value: listed?.isValid() ? listed.number : whole }
    }
    case 'lid':
      return /^\d{1,32}$/.test(user) ? { kind: 'lid', value: `lid:${user}` } : undefined
    case 'g.us':
      return /^\d{5,32}(-\d{1,32})?$/.test(user) ? { kind: 'group', value: `group:${user}` } : undefined
    case 'broadcast':
      return user ? { kind: 'broadcast', value: `broadcast:${user}` } : undefined
    case 'newsletter':
      return user ? { kind: 'broadcast', value: `newsletter:${user}` } : undefined
    default:
      return undefined
  }
}

const HOST_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

function readEmail(text: string, at: number): Canonical | undefined {
  const local = text.slice(0, at)
  // Control and space characters would let a header be injected; quotes are legal but no mailbox in use has them.
  if (local.length === 0 || local.length > 64 || /[\p{C}\s"(),:;<>@[\\\]]/u.test(local) || /^\.|\.\.|\.$/.test(local)) return undefined
  const domain = asciiDomain(text.slice(at + 1))
  const labels = domain?.split('.') ?? []
  if (labels.length < 2 || !labels.every((label) => HOST_LABEL.test(label)) || /^\d+$/.test(labels.at(-1) as string)) return undefined
  return { kind: 'email', value: `${local.normalize('NFC').toLowerCase()}@${domain}` }
}

function asciiDomain(domain: string): string | undefined {
  if (domain.length === 0 || /[\s/?#@:\\%]/.test(domain)) return undefined
  try {
    return new URL(`http://${domain}`).hostname.replace(/\.$/, '')
  } catch {
    return undefined
  }
}

function readPhone(text: string, options: AddressOptions): Canonical | undefined {
  if (!/^[+\d(]/.test(text) || !/^[+\d\s().\-/\u00a0\u2010-\u2015]*$/.test(text)) return undefined
  const region = options.defaultRegion?.toUpperCase()
  if (region !== undefined && !isSupportedCountry(region)) {
    throw new CommsError(
      'configuration_invalid',
      `defaultRegion: expected an ISO country code such as "FR", got ${describe(options.defaultRegion)}`,
    )
  }
  const international = withoutMexicanOne(text.startsWith('00') ? `+${text.slice(2)}` : text)
  const number = parsePhoneNumberFromString(international, region)
  if (number?.isValid()) return { kind: 'phone', value: number.number }
  // A number of the right length is taken too: numbering plans change faster than the list of them at hand. A bare 3 to 8 digits is not.
  if (number?.isPossible() && !SHORT_CODE.test(text)) return { kind: 'phone', value: number.number }
  return undefined
}

/** Mexico took the 1 behind its country code away in 2019; WhatsApp writes it still, and answers go to the raw address. */
function withoutMexicanOne(international: string): string {
  if (!international.startsWith('+52')) return international
  const mobile = /^\+521([2-9]\d{9})$/.exec(international.replace(/[^+\d]/g, ''))
  return mobile ? `+52${mobile[1]}` : international
}

const SHORT_CODE = /^\d{3,8}$/

function readSender(text: string): Canonical | undefined {
  if (SHORT_CODE.test(text)) return { kind: 'short-code', value: text }
  // GSM 03.40 alphanumeric originating address: https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id
  if (/^[a-z0-9 &+_-]{1,11}$/i.test(text) && /[a-z]/i.test(text)) return { kind: 'sender-name', value: text.toUpperCase() }
  return undefined
}

/** Short and quoted for an error message; the type's name for what is no string. */
function describe(value: unknown): string {
  if (typeof value !== 'string') return typeof value
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
}
