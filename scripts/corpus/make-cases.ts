import { type CountryCode, getExampleNumber, type PhoneNumber } from 'libphonenumber-js/max'
import examples from 'libphonenumber-js/mobile/examples'
import type { CorpusCase } from './corpus.ts'
import { EMAIL_CASES, PLAN_CASES } from './written-cases.ts'

const COUNTRIES: readonly CountryCode[] = [
  ...(['FR', 'BE', 'CH', 'LU', 'DE', 'AT', 'NL', 'GB', 'IE', 'ES', 'PT', 'IT', 'GR', 'DK', 'SE', 'NO', 'FI', 'PL', 'CZ', 'SK'] as const),
  ...(['HU', 'RO', 'BG', 'HR', 'SI', 'EE', 'LV', 'LT', 'UA', 'RU', 'TR', 'IL', 'MA', 'DZ', 'TN', 'EG', 'SN', 'CI', 'CM', 'ZA'] as const),
  ...(['NG', 'KE', 'US', 'CA', 'MX', 'BR', 'AR', 'CL', 'CO', 'PE', 'IN', 'CN', 'JP', 'KR', 'SG', 'AU', 'NZ', 'AE', 'SA', 'ID'] as const),
]

/** The cases made by rule, of an example number of each country, and those written by hand. `cases.jsonl` holds them. */
export function makeCases(): CorpusCase[] {
  const made = COUNTRIES.flatMap((country, index) => {
    const number = getExampleNumber(country, examples)
    if (!number) throw new Error(`No example number for ${country}`)
    return [...sameLine(country, number, index), ...otherLines(country, number)]
  })
  return [...made, ...PLAN_CASES, ...EMAIL_CASES]
}

/** The ways one number is spelled, each with one of the ways in which providers send it. */
function sameLine(country: CountryCode, number: PhoneNumber, index: number): CorpusCase[] {
  const e164 = number.number
  const digits = e164.slice(1)
  const national = number.formatNational()
  const groups = national.replace(/\D+/g, ' ').trim()
  const jid = `${digits}@c.us`
  const region = country
  // A CRM in another country holds foreign numbers with their country code.
  const elsewhere = COUNTRIES[(index + 7) % COUNTRIES.length] as CountryCode
  const base = { country, region, same: true }
  return [
    { ...base, held: [e164], seen: jid, why: 'E.164' },
    { ...base, held: [national], seen: jid, why: 'national, as usually written' },
    { ...base, held: [groups.replaceAll(' ', '')], seen: e164, why: 'national digits' },
    { ...base, held: [groups.replaceAll(' ', '.')], seen: `whatsapp:${e164}`, why: 'national with dots' },
    { ...base, held: [number.formatInternational()], seen: jid, why: 'international with spaces' },
    { ...base, held: [`00${digits}`], seen: e164, why: 'with 00' },
    { ...base, held: [digits], seen: jid, why: 'digits with the country code' },
    { ...base, region: elsewhere, held: [e164], seen: `whatsapp:${e164}`, why: 'abroad, E.164' },
    { ...base, region: elsewhere, held: [number.formatInternational().replaceAll(' ', '-')], seen: jid, why: 'abroad, with dashes' },
    { ...base, held: ['+12025550199', national], seen: jid, why: 'national, as the second number' },
  ]
}

/** Numbers of others that look much like it. */
function otherLines(country: CountryCode, number: PhoneNumber): CorpusCase[] {
  const e164 = number.number
  const last = Number(e164.at(-1))
  const next = `${e164.slice(0, -1)}${(last + 1) % 10}`
  const tail = e164.slice(-4)
  const swapped = `${e164.slice(0, -4)}${tail[1] === tail[0] ? `${(Number(tail[0]) + 1) % 10}` : tail[1]}${tail[0]}${tail.slice(2)}`
  const abroad = number.countryCallingCode === '49' ? '44' : '49'
  const base = { country, region: country, same: false }
  const seen = `${e164.slice(1)}@c.us`
  return [
    { ...base, held: [next], seen, why: 'one digit differs' },
    { ...base, held: [swapped], seen, why: 'two digits the other way round' },
    { ...base, held: [`+${abroad}${number.nationalNumber}`], seen, why: 'the same digits in another country' },
    { ...base, held: [`${e164}1`], seen, why: 'one digit more' },
    { ...base, held: [e164.slice(0, -1)], seen, why: 'one digit fewer' },
    { ...base, held: [e164], seen: `${e164.slice(1)}@lid`, why: 'a privacy id with the same digits' },
  ]
}
