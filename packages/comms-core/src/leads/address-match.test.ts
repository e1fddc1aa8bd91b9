import fc from 'fast-check'
import { type CountryCode, getCountries, getExampleNumber } from 'libphonenumber-js/max'
import examples from 'libphonenumber-js/mobile/examples'
import { describe, expect, it } from 'vitest'
import { anyContactAddress, type ContactAddress, parseContactAddress } from '../events/contact-address.ts'
import { addressMatcher } from './address-match.ts'
import type { AddressMatcherOptions } from './address-variants.ts'
import { numberTwins, subscriberNumber } from './subscriber-number.ts'

const FR = { defaultRegion: 'FR' }
const seen = (raw: string) => parseContactAddress(raw)
const ruleOf = (held: string, raw: string, options: AddressMatcherOptions = FR) => addressMatcher(options).match(held, seen(raw))?.rule

describe('an address that the directory holds', () => {
  it.each([
    ['+33639980001', '+33639980001', 'phone'],
    ['+33 (0)6 39 98 00 01', '+33639980001', 'phone'],
    ['0033 6 39 98 00 01', '+33639980001', 'phone'],
    ['33639980001', '33639980001@c.us', 'phone:digits'],
    ['06 39 98 00 01', '33639980001@c.us', 'phone:national'],
    ['06.39.98.00.01 ext. 12', 'whatsapp:+33639980001', 'phone:national'],
    ['+330639980001', '+33639980001', 'phone'],
    ['+33639980001', '330639980001@c.us', 'phone:trunk-zero'],
    ['+12025550123', '12025550123@c.us', 'phone'],
    ['0690 00 12 34', '590690001234@c.us', 'phone:french-overseas'],
    ['+33 690 00 12 34', '+590690001234', 'phone:french-overseas'],
    ['+55 31 98765-4321', '553187654321@c.us', 'phone:ninth-digit'],
    ['+55 31 8765-4321', '+5531987654321', 'phone:ninth-digit'],
    ['+52 33 1234 5678', '5213312345678@c.us', 'phone'],
    ['5213312345678', '+523312345678', 'phone:digits'],
    ['+52 1 33 1234 5678', '+523312345678', 'phone'],
    ['+54 11 2345-6789', '5491123456789@c.us', 'phone:mobile-9'],
    ['225 07 00 00 01', '+2250707000001', 'phone:ivory-coast-2021'],
    ['229 97 00 00 01', '+2290197000001', 'phone:benin-2024'],
    ['+999 12345678', '99912345678@c.us', 'phone'],
    ['A@Example.COM', 'a@example.com', 'email'],
    ['Tél. : 06 39 98 00 01 (bureau)', '+33639980001', 'phone:national'],
    ['+33639980001,123', '+33639980001', 'phone'],
    ['+33639980002; +33639980001', '+33639980001', 'phone'],
    ['0639980001/0639980002', '+33639980002', 'phone:national'],
    ['٠٦٣٩٩٨٠٠٠١', '+33639980001', 'phone:national'],
    ['\u200e+99912345678', '99912345678@c.us', 'phone'],
  ])('%s is %s by the rule %s', (held, raw, rule) => {
    expect(ruleOf(held, raw)).toBe(rule)
  })

  it.each([
    ['06 39 98 00 02', '+33639980001'],
    ['+55 11 2345-6789', '+5511923456789'],
    ['+55 11 7812-3456', '+5511978123456'],
    ['+33 6 39 98 00 01', '+262639980001'],
    ['0692 12 34 56', '+590690123456'],
    ['2025550123', '+12025550123'],
    ['+1 202 555 0123', '+12025550124'],
    ['+336399800', '+33639980001'],
    ['639980001', '639980001@lid'],
    ['12345', '12345'],
    ['a+shop@example.com', 'a@example.com'],
    ['a@example.com', 'a@example.org'],
    ['', '+33639980001'],
    ['unknown', '+33639980001'],
    ['33639980001@lid', '+33639980001'],
    ['commande 0639980001', '+33639980001'],
    ['0639980001/0639980002', '+33639980003'],
    ['+225 07 00 00 01', '+2250507000001'],
    ['+230 421 2345', '+23054212345'],
  ])('%s is not %s', (held, raw) => {
    expect(ruleOf(held, raw)).toBeUndefined()
  })

  it('takes plus-tags off when asked to', () => {
    expect(ruleOf('a@example.com', 'a+shop@example.com', { plusTags: true })).toBe('email:plus-tag')
  })
})

const regions = getCountries()
const anyPhone = fc.constantFrom(...regions).map((region) => getExampleNumber(region as CountryCode, examples)?.number ?? '+33639980001')

describe('numbering plans', () => {
  // Old and new numbers as the announcements of the regulators pair them, see grown-plan.ts.
  it.each([
    ['+225 07 00 00 01', '+2250707000001', 'ivory-coast-2021'],
    ['+225 45 00 00 01', '+2250545000001', 'ivory-coast-2021'],
    ['+225 40 00 00 01', '+2250140000001', 'ivory-coast-2021'],
    ['+225 20 30 00 01', '+2252720300001', 'ivory-coast-2021'],
    ['+225 20 00 00 01', '+2252520000001', 'ivory-coast-2021'],
    ['+229 97 00 00 01', '+2290197000001', 'benin-2024'],
    ['+229 21 30 00 01', '+2290121300001', 'benin-2024'],
    ['+241 06 00 00 01', '+24166000001', 'gabon-2019'],
    ['+241 6 00 00 01', '+24166000001', 'gabon-2019'],
    ['+241 07 28 01 50', '+24177280150', 'gabon-2019'],
    ['+241 01 76 16 16', '+24111761616', 'gabon-2019'],
    ['+237 70 00 00 01', '+237670000001', 'cameroon-2014'],
    ['+237 22 12 34 56', '+237222123456', 'cameroon-2014'],
    ['+230 700 0001', '+23057000001', 'mauritius-2013'],
    ['+84 120 123 4567', '+84701234567', 'vietnam-2018'],
    ['+57 1 123 4567', '+576011234567', 'colombia-2021'],
  ])('make %s and %s one subscriber, whichever is held and whichever is seen', (old, today, rule) => {
    const { match } = addressMatcher({})
    expect(match(old, anyContactAddress(today))?.rule).toBe(`phone:${rule}`)
    expect(match(today, anyContactAddress(`${old.replace(/\D/g, '')}@c.us`))?.rule).toBe(`phone:${rule}`)
    expect(parseContactAddress(old).value).toBe(old.replaceAll(' ', ''))
  })

  it('make one number of each subscriber, from whichever of its numbers', () => {
    const quirky = fc
      .tuple(
        fc.constantFrom(
          '+55',
          '+52',
          '+521',
          '+54',
          '+549',
          '+33',
          '+330',
          '+590',
          '+594',
          '+596',
          '+262',
          '+225',
          '+229',
          '+241',
          '+237',
          '+230',
          '+84',
          '+57',
        ),
        fc.stringMatching(/^\d{7,11}$/),
      )
      .map(([code, rest]) => `${code}${rest}`)
    fc.assert(
      fc.property(fc.oneof(anyPhone, quirky), (number) => {
        const one = subscriberNumber(number)
        expect(subscriberNumber(one)).toBe(one)
        for (const { value } of numberTwins(number)) {
          expect(subscriberNumber(value)).toBe(one)
          expect(value).not.toBe(number)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('give spellings that are each read back as the address, the number itself first', () => {
    fc.assert(
      fc.property(anyPhone, fc.constantFrom(...regions), (number, defaultRegion) => {
        const matcher = addressMatcher({ defaultRegion })
        const address: ContactAddress = parseContactAddress(number)
        const variants = matcher.variants(address)
        expect(variants[0]).toBe(address.value)
        expect(new Set(variants).size).toBe(variants.length)
        for (const text of variants) expect(matcher.keyOf(text)).toBe(matcher.keyOfAddress(address))
        const endings = matcher.endings(address)
        for (const text of variants) expect(endings.some((ending) => text.replace(/\D/g, '').endsWith(ending))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('spell a French number in every way it is written at home', () => {
    expect(addressMatcher(FR).variants(seen('+33639980001'))).toEqual([
      '+33639980001',
      '33639980001',
      '0639980001',
      '06 39 98 00 01',
      '06.39.98.00.01',
      '06-39-98-00-01',
      '639980001',
      '+33 6 39 98 00 01',
      '0033639980001',
      '+330639980001',
      '330639980001',
      '00330639980001',
    ])
    expect(addressMatcher({}).variants(seen('+33639980001'))).not.toContain('0639980001')
  })
})
