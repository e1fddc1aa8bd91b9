import type { CountryCode } from 'libphonenumber-js/max'
import { readMarkedPhone, readPhone } from './phone-number.ts'
import { plainText } from './plain-text.ts'

/** One phone number in a text: the piece that holds it, digits and what is between them alone, and its E.164 number. */
export interface PhoneInText {
  readonly text: string
  readonly value: string
}

/**
 * The phone numbers of a field that people fill by hand, in order, each once: `Tél. : 06 39 98 00 01 (bureau) / 06 39 98 00 02 poste 12`.
 * What reads a number is libphonenumber; this cuts the text into the pieces that it can read. Its own search for numbers is of no use
 * here: it finds either listed numbers alone, and new and reserved ranges are not listed, or every group of digits of the right length.
 *
 * A number that the words before it call something else (`commande`, `IBAN`), that touches other letters, or that is an amount, is none.
 */
export function phonesIn(text: string, region: CountryCode | undefined): readonly PhoneInText[] {
  if (text.length > MOST_CHARACTERS) return []
  // The digits of an e-mail address or a chat id are no phone number.
  const plain = plainText(text)
    .replace(/\S+@\S+/g, '\n')
    .replace(WEB_ADDRESS, '\n')
  if (countDigits(plain) < FEWEST_DIGITS) return []
  const found = new Map<string, PhoneInText>()
  for (const run of runsOf(plain)) {
    for (const piece of numbersOf(run.text, run.alone ? readPhone : readMarkedPhone, region)) {
      if (!found.has(piece.value)) found.set(piece.value, piece)
    }
  }
  return [...found.values()]
}

const MOST_CHARACTERS = 512
const FEWEST_DIGITS = 5

type Read = (text: string, region: CountryCode | undefined) => string | undefined

interface Run {
  readonly text: string
  /** No words are around it. */
  readonly alone: boolean
}

/** The stretches without letters that may hold numbers. */
function* runsOf(plain: string): Iterable<Run> {
  const parts =
    plain
      .replace(DATE, '\n')
      .replace(TIME, '\n')
      .replace(LIST_MARK, '\n')
      .match(/[\p{L}\p{M}]+|[^\p{L}\p{M}]+/gu) ?? []
  const alone = parts.length === 1
  /** The latest word that says what the next number is. */
  let called: 'phone' | 'other' | undefined
  let latest = ''
  for (const [index, part] of parts.entries()) {
    if (/\p{L}/u.test(part)) {
      const word = wordOf(part)
      if (PHONE_WORDS.has(word)) called = 'phone'
      if (OTHER_WORDS.has(word) || isNumbered(word, latest)) called = 'other'
      latest = word
      continue
    }
    const before = parts[index - 1]
    const run = before !== undefined && EXTENSION_WORDS.has(wordOf(before)) ? part.replace(EXTENSION, '\n') : part
    if (countDigits(run) < FEWEST_DIGITS) continue
    const isOther = called === 'other' || AMOUNT.test(run) || touches(before, run, parts[index + 1]) || isNamedBehind(run, parts[index + 1])
    if (!isOther) yield { text: run, alone: alone || called === 'phone' }
    called = undefined
  }
}

/** `n° client`, `code barre`: a number of that name. `client : 0639980001` may be a phone number. */
function isNumbered(word: string, before: string): boolean {
  return (NUMBER_WORDS.has(word) && CUSTOMER_WORDS.has(before)) || (NUMBER_WORDS.has(before) && CUSTOMER_WORDS.has(word))
}

/** `0639980001 EUR`, `0639980001.pdf` */
function isNamedBehind(run: string, after: string | undefined): boolean {
  if (after === undefined) return false
  const word = wordOf(after)
  return CURRENCY_WORDS.has(word) || (run.endsWith('.') && FILE_WORDS.has(word))
}

/** Whether the digits are part of a longer code, such as `CMD0639980001` or `0639980001A`. */
function touches(before: string | undefined, run: string, after: string | undefined): boolean {
  if (before !== undefined && /^[\d_-]/.test(run) && !JOINING_WORDS.has(wordOf(before)) && !PHONE_WORDS.has(wordOf(before))) return true
  return after !== undefined && /[\d_-]$/.test(run) && !JOINING_WORDS.has(wordOf(after)) && !EXTENSION_WORDS.has(wordOf(after))
}

/** Signs that part numbers or their extensions where what stands before the sign is a number already. */
const PARTING = [/[;|&\n=<>:]+/, /#+/, /,+/, /\/+/, /\s+-+\s+/, /\s{2,}/, /\s*\((?=\d{1,5}\)\s*$)/]

/** The numbers of a stretch of digits and signs. */
function numbersOf(run: string, read: Read, region: CountryCode | undefined): PhoneInText[] {
  const text = run
    .replace(/[_~]/g, '-')
    .replace(/\\/g, '/')
    .replace(/["'`*]/g, ' ')
  // A plus begins a number.
  const parts = text
    .split(/(?=\+)/)
    .filter((part) => countDigits(part) > 0)
    // No country code begins with a zero.
    .map((part) => part.replace(/^\+(?=\s*0)/, ''))
  if (parts.length > 1 || (parts[0] !== undefined && parts[0] !== text && text.startsWith('+')))
    return parts.flatMap((part) => numbersOf(part, read, region))
  for (const sign of PARTING) {
    const pieces = text.split(sign).filter((piece) => countDigits(piece) > 0)
    // One number alone before the sign, or one that cannot be read with what is behind it.
    if (pieces.length > 1 && (one(pieces[0], readMarkedPhone, region) || !one(text, read, region))) {
      const found = pieces.flatMap((piece) => numbersOf(piece, read, region))
      if (found.length > 0) return found
    }
  }
  const whole = one(text, read, region) ?? one(text.replace(/^\D*\d{1,2}\)?[\s.-]+(?=[+0(])/, ''), readMarkedPhone, region)
  return whole ? [whole] : sequence(text, region)
}

/** The number of a text in which only digits and the signs between them count. */
function one(text: string | undefined, read: Read, region: CountryCode | undefined): PhoneInText | undefined {
  if (text === undefined) return undefined
  const bare = text.replace(/[^+\d\s().-]+/g, ' ').replace(/^[^+\d(]+|[^\d)]+$/g, '')
  const clean = bare.replace(/^\((?![^)]*\))/, '').replace(/(?<!\([^(]*)\)$/, '')
  const value = read(clean, region)
  return value === undefined ? undefined : { text: clean, value }
}

/** Numbers with nothing but a space or a dash between them: `06 39 98 00 01 06 39 98 00 02`. All of the digits must belong to one. */
function sequence(text: string, region: CountryCode | undefined): PhoneInText[] {
  const groups = text.match(/[+(]?\d+\)?/g) ?? []
  const found: PhoneInText[] = []
  let pending = ''
  for (const group of groups) {
    pending = pending === '' ? group : `${pending} ${group}`
    const number = one(pending, readMarkedPhone, region)
    if (!number) continue
    found.push(number)
    pending = ''
  }
  return pending === '' ? found : []
}

function countDigits(text: string): number {
  return text.replace(/\D/g, '').length
}

function wordOf(part: string): string {
  return part.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}

const DATE = /(?<!\d)(?:\d{1,2}([/.-])\d{1,2}\1(?:19|20)\d\d|(?:19|20)\d\d([/.-])\d{1,2}\2\d{1,2})(?!\d|[/.-]\d)/g
const TIME = /(?<![\d:])\d{1,2}:\d{2}(?::\d{2})?(?![\d:])/g
/** `1) 06 39 …` */
const LIST_MARK = /(?<![\d(])\d{1,2}\)\s/g
/** Behind the word for it: `12 /`. */
const EXTENSION = /^[\s.:°]*\d{1,6}\s*(?=$|[/,;|&\n]|-)/
const AMOUNT = /[%\p{Sc}]/u
/** But for a link to a chat, which is a number. */
const WEB_ADDRESS = /\bhttps?:\/\/(?!wa\.me\/|(?:api|web|chat)\.whatsapp\.com\/)\S+/gi

const words = (text: string) => new Set(text.split(' '))
const PHONE_WORDS = words(
  'tel tels telephone telefon telefono telefone phone phones fon mob mobile mobil movil port portable cell cel cellulaire celular handy gsm whatsapp wa sms fixe fax call appeler appelez',
)
/** What else a number of that length may be. */
const OTHER_WORDS = words(
  'commande cmd order orders bestellung pedido ordine facture fact invoice rechnung factura fattura ref refs reference references dossier ticket devis quote contrat contract vertrag siret siren tva vat rcs iban bic rib compte account konto cuenta cb carte card colis tracking suivi parcel paket zip postal plz cedex imei serie serial sn id ids ean isbn sku article lot matricule nir secu bdc rma identifiant passeport passport pasaporte cni immatriculation kundennummer kundennr kd ust ustid ustidnr idnr dni nie cif nif btw kbo bce cpf cnpj rfc cuit gps lat latitude lng longitude eur usd chf gbp montant prix price',
)
const NUMBER_WORDS = words('n no nr num numero number code id nummer p')
const CUSTOMER_WORDS = words('client clients customer cliente kunde kunden klant adherent barre barres permis licence police iva')
const CURRENCY_WORDS = words('eur euro euros usd dollar dollars chf gbp xof xaf fcfa')
const FILE_WORDS = words('pdf jpg jpeg png gif doc docx xls xlsx csv txt zip eml html htm mp')

const JOINING_WORDS = words('ou et or and und oder y o e u puis sinon')
const EXTENSION_WORDS = words('x ext extn extension poste post p int interno interne anexo apparat app durchwahl dw toestel w')
