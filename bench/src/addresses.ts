import { addressParser, parseContactAddress } from '@pipe-comms/core'
import { getCountries, getExampleNumber, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import examples from 'libphonenumber-js/mobile/examples'
import { compare, rate, table } from './measure.ts'

const READS = 200_000
const FEWER = 40_000

/** Reading addresses: through the cache, and each for the first time, beside libphonenumber-js itself. */
export async function benchAddresses(): Promise<string> {
  const numbers = getCountries().flatMap((country) => getExampleNumber(country, examples)?.number ?? [])
  // Each one different: the country's example with other last digits.
  const fresh = Array.from({ length: FEWER }, (_, index) => {
    const number = numbers[index % numbers.length] as string
    return `${number.slice(0, -3)}${String(index % 1000).padStart(3, '0')}`
  })
  const known = numbers.flatMap((number) => [number, `whatsapp:${number}`, `${number.slice(1)}@c.us`])
  const cached = addressParser({ defaultRegion: 'FR' })
  const library = (text: string) => {
    const number = parsePhoneNumberFromString(text, 'FR')
    return number?.isValid() ? number.number : undefined
  }
  const each = (count: number, texts: readonly string[], read: (text: string) => unknown) =>
    rate(count, () => {
      for (let index = 0; index < count; index += 1) {
        try {
          read(texts[index % texts.length] as string)
        } catch {
          // No number of that country.
        }
      }
    })
  // Through JSON, as they come in webhooks: strings put together here would be flattened on the way.
  const plausible = (JSON.parse(JSON.stringify(fresh)) as string[]).filter((text) => parsePhoneNumberFromString(text)?.isValid())
  return table(
    'Addresses',
    [
      await compare('through the cache, 700 addresses again and again', 'addresses/s', {
        ours: () => each(READS, known, cached),
        raw: () => each(FEWER, numbers, library),
      }),
      await compare('cold, parseContactAddress, E.164', 'addresses/s', {
        ours: () => each(FEWER, plausible, (text) => parseContactAddress(text, { defaultRegion: 'FR' })),
        raw: () => each(FEWER, plausible, library),
        goal: 0.8,
      }),
      await compare('cold, through an empty cache, E.164', 'addresses/s', {
        ours: () => {
          const empty = addressParser({ defaultRegion: 'FR' })
          return each(plausible.length, plausible, empty)
        },
        raw: () => each(plausible.length, plausible, library),
        goal: 0.8,
      }),
    ],
    [{ what: 'addresses through the cache', value: 'the first line', goal: '≥ 500 k/s' }],
  )
}
