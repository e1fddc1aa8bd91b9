import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseContactAddress, phoneNumbersIn } from './contact-address.ts'

const FR = { defaultRegion: 'FR' }
const valuesOf = (text: string, options = FR) => phoneNumbersIn(text, options).map(({ value }) => value)

describe('a text with one phone number', () => {
  it.each([
    ['between direction marks', '\u202a+33 6 39 98 00 01\u202c'],
    ['between isolates', '\u206606 39 98 00 01\u2069'],
    ['behind a byte order mark', '\ufeff+33639980001'],
    ['with zero-width spaces', '06\u200b39\u200b98\u200b00\u200b01'],
    ['with soft hyphens', '06\u00ad39\u00ad98\u00ad00\u00ad01'],
    ['with a variation selector', '+33\ufe0f 6 39 98 00 01'],
    ['with narrow and thin spaces', '06\u202f39\u200998\u00a000\u300001'],
    ['in Arabic digits', '٠٦٣٩٩٨٠٠٠١'],
    ['in Persian digits', '۰۶ ۳۹ ۹۸ ۰۰ ۰۱'],
    ['in full width', '＋３３６３９９８０００１'],
    ['in keycaps', '0️⃣6️⃣3️⃣9️⃣9️⃣8️⃣0️⃣0️⃣0️⃣1️⃣'],
    ['with middle dots', '06·39·98·00·01'],
    ['with underscores', '06_39_98_00_01'],
    ['with commas', '06,39,98,00,01'],
    ['with slashes', '06/39/98/00/01'],
    ['with colons', '06:39:98:00:01'],
    ['with the text mark of a spreadsheet', "'0639980001"],
    ['as a formula of a spreadsheet', '="0639980001"'],
    ['on two lines', '06 39 98\n00 01'],
    ['behind a label', 'Tél. : 06 39 98 00 01'],
    ['behind a label without a space', 'WhatsApp:+33639980001'],
    ['behind a symbol', '📞 06 39 98 00 01'],
    ['with a note in brackets', '06 39 98 00 01 (bureau)'],
    ['with a note behind a dash', '06 39 98 00 01 - demander Paul'],
    ['with a note about the time', '06 39 98 00 01 après 18:30'],
    ['beside an e-mail address', '06 39 98 00 01 (paul@example.com)'],
    ['with an extension in a word', '06 39 98 00 01 poste 12'],
    ['with an extension behind x', '0639980001x12'],
    ['with an extension behind #', '06 39 98 00 01 #12'],
    ['with an extension behind a comma', '+33639980001,123'],
    ['with a pause and an extension', '+33639980001,,123#'],
    ['with an extension of a tel link', '+33639980001;ext=12'],
    ['with an extension in brackets', '06 39 98 00 01 (12)'],
    ['with a plus before the zero', '+06 39 98 00 01'],
    ['beside a web address', 'https://example.org/4521 06 39 98 00 01'],
    ['in a link to a chat', 'https://wa.me/33639980001'],
    ['twice in two spellings', '06 39 98 00 01 / +33639980001'],
  ])('%s gives that number', (_, text) => {
    expect(valuesOf(text)).toEqual(['+33639980001'])
    if (!text.includes('@')) expect(parseContactAddress(text, FR)).toMatchObject({ kind: 'phone', value: '+33639980001' })
  })

  it('gives it whatever its script, marks, separators and words are', () => {
    const zeros = [0x30, 0x660, 0x6f0, 0x966, 0xe50, 0xff10, 0x1d7ce, 0x1d7d8, 0x1e950]
    const marks = fc.string({
      unit: fc.constantFrom(...'\u200b\u200e\u200f\u202a\u202c\u2066\u2069\u2060\ufeff\u00ad\ufe0f'),
      maxLength: 3,
    })
    const separator = fc.constantFrom(' ', '.', '-', '·', '_', '', '\u00a0', '\u2009', '\u202f', '\u2011', '\u2013', ',', '/')
    const before = fc.constantFrom('', 'Tél. : ', 'mobile ', 'WhatsApp: ', 'tel.', 'Portable Paul ', '(perso) ', "'", '☎ ')
    const behind = fc.constantFrom(
      '',
      ' (bureau)',
      ' - demander Paul',
      ' ext 12',
      ',12',
      ';ext=12',
      ' poste 12',
      ' #12',
      ' x12',
      ' le soir',
    )
    const number = fc.stringMatching(/^[0-9]{2}$/)
    fc.assert(
      fc.property(fc.constantFrom(...zeros), marks, separator, before, behind, number, (zero, mark, sign, label, note, end) => {
        // A sixth group of two digits behind a comma may be anything.
        fc.pre(!(sign === ',' && note === ',12'))
        const groups = ['06', '39', '98', '00', end].map((group) =>
          [...group].map((digit) => String.fromCodePoint(zero + Number(digit))).join(mark),
        )
        expect(valuesOf(`${label}${mark}${groups.join(`${mark}${sign}`)}${mark}${note}`)).toEqual([`+336399800${end}`])
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a text with several phone numbers', () => {
  it.each([
    '06 39 98 00 01 / 06 39 98 00 02',
    '0639980001/0639980002',
    '+33639980001; +33639980002',
    '0639980001,0639980002',
    '06 39 98 00 01 ou 06 39 98 00 02',
    '06 39 98 00 01 et +33 6 39 98 00 02',
    '06 39 98 00 01\n06 39 98 00 02',
    '06 39 98 00 01 | 06 39 98 00 02',
    '06.39.98.00.01 - 06.39.98.00.02',
    '06 39 98 00 01 06 39 98 00 02',
    '+33639980001+33639980002',
    '0639980001+0639980002',
    'Paul 06 39 98 00 01, Marie 06 39 98 00 02',
    '1) 06 39 98 00 01 2) 06 39 98 00 02',
    'fixe : 0639980001 (bureau) ; port. : 0639980002 poste 12',
  ])('gives each: %j', (text) => {
    expect(valuesOf(text)).toEqual(['+33639980001', '+33639980002'])
    expect(() => parseContactAddress(text, FR)).toThrow('Expected one phone number, e-mail address or chat id, got 2 numbers in')
  })
})

describe('a text without a phone number', () => {
  it.each([
    'commande 0639980001',
    'Commande n° 0639980001',
    'CMD0639980001',
    '0639980001-A',
    'réf. 0639980001',
    'facture 2026-0639980001',
    'IBAN FR76 3000 6000 0112 3456 7890 189',
    'SIRET 123 456 789 00012',
    'n° client : 0639980001',
    'Client n° 0639980001',
    'Kundennummer 0639980001',
    'BTW BE 0470.123.456',
    'DNI 0639980001',
    '0639980001 EUR',
    '0639980001.pdf',
    'https://example.org/0639980001',
    '123 456 789 00012',
    '4970 1012 3456 7890',
    '0639980001 €',
    '$0639980001',
    '12/05/2026 10:30',
    'né le 12/05/1980',
    '12 rue de la Paix 75002 Paris',
    '06 39 98',
    '33639980001@example.com',
    '33639980001@lid',
  ])('gives none: %j', (text) => {
    expect(valuesOf(text)).toEqual([])
  })

  it('gives none, whatever is around the name of an order', () => {
    const word = fc.constantFrom(
      'Commande',
      'commande n°',
      'Ref',
      'Réf. :',
      'facture',
      'Order',
      'Invoice #',
      'dossier',
      'colis',
      'SIRET',
      'IBAN',
    )
    fc.assert(
      fc.property(word, fc.constantFrom(' ', ' : ', ' n° ', ' – '), fc.stringMatching(/^0[1-9][0-9]{8}$/), (name, sign, digits) => {
        expect(valuesOf(`${name}${sign}${digits}`)).toEqual([])
      }),
    )
  })

  it('is read in time that grows with its length', () => {
    const worst = ['0 '.repeat(256), '06,'.repeat(170), '((((06'.repeat(85), '+'.repeat(512), '06 39 98 00 0/'.repeat(36)]
    const start = performance.now()
    for (const text of worst) valuesOf(text)
    expect(performance.now() - start).toBeLessThan(500)
  })
})

describe('a text from another country', () => {
  it.each([
    ['US', '(202) 555-0123 x12 / 202.555.0124', ['+12025550123', '+12025550124']],
    ['DE', '01512/3456789', ['+4915123456789']],
    ['DE', '030 123456-78', ['+493012345678']],
    ['CI', '07 00 00 01 / +225 05 00 00 02', ['+22507000001', '+22505000002']],
    ['BJ', 'Tél 97 00 00 01', ['+22997000001']],
    ['BR', 'Cel: (11) 8123.4567', ['+551181234567']],
    ['MX', '044 33 1234 5678 / 01 33 1234 5679', ['+523312345678', '+523312345679']],
  ])('of %s gives its numbers: %j', (defaultRegion, text, values) => {
    expect(valuesOf(text, { defaultRegion })).toEqual(values)
  })
})
