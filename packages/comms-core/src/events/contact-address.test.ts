import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isCommsError } from '../errors.ts'
import { anyContactAddress, contactAddressSchema, parseContactAddress } from './contact-address.ts'

const FR = { defaultRegion: 'FR' }

describe('parseContactAddress', () => {
  it.each([
    ['+33 6 39 98 00 01', 'phone', '+33639980001'],
    ['06 39 98 00 01', 'phone', '+33639980001'],
    ['06.39.98.00.01', 'phone', '+33639980001'],
    ['0033639980001', 'phone', '+33639980001'],
    ['tel:+33639980001', 'phone', '+33639980001'],
    ['whatsapp:+33639980001', 'phone', '+33639980001'],
    ['33639980001@c.us', 'phone', '+33639980001'],
    ['33639980001:12@s.whatsapp.net', 'phone', '+33639980001'],
    ['+1 202 555 0143', 'phone', '+12025550143'],
    ['99912345678@c.us', 'phone', '+99912345678'],
    ['5213312345678@c.us', 'phone', '+523312345678'],
    ['whatsapp:+52 1 33 1234 5678', 'phone', '+523312345678'],
    ['100000000000001@lid', 'lid', 'lid:100000000000001'],
    ['33639980001@lid', 'lid', 'lid:33639980001'],
    ['120363000000000001@g.us', 'group', 'group:120363000000000001'],
    ['33639980001-1581234048@g.us', 'group', 'group:33639980001-1581234048'],
    ['status@broadcast', 'broadcast', 'broadcast:status'],
    ['120363000000000002@newsletter', 'broadcast', 'newsletter:120363000000000002'],
    ['Alex.Martin@Example.COM', 'email', 'alex.martin@example.com'],
    ['mailto:a+b@example.com', 'email', 'a+b@example.com'],
    ['a@münchen.example.com', 'email', 'a@xn--mnchen-3ya.example.com'],
    ['36184', 'short-code', '36184'],
    ['Brand', 'sender-name', 'BRAND'],
    ['MY SHOP-1', 'sender-name', 'MY SHOP-1'],
  ])('reads %s as %s %s', (raw, kind, value) => {
    expect(parseContactAddress(raw, FR)).toEqual({ kind, value, raw })
  })

  it.each([
    '',
    '   ',
    '@c.us',
    'abc@c.us',
    'x@lid',
    'a@',
    '@example.com',
    'a@example',
    'a@@example.com',
    'a b@example.com',
    'a@example.com\r\nBcc: x@example.com',
    'a\u0000@example.com',
    'a@exa_mple.com',
    'a@127.0.0.1',
    'a..b@example.com',
    'a longer text than eleven letters',
    '1'.repeat(40),
    `${'a'.repeat(65)}@example.com`,
  ])('refuses %j, saying what was expected', (raw) => {
    expect(() => parseContactAddress(raw, FR)).toThrow(/Expected a phone number, e-mail address or chat id, got /)
  })

  it('needs a region for a national number', () => {
    expect(() => parseContactAddress('06 39 98 00 01')).toThrow('Expected')
    expect(parseContactAddress('+33639980001').value).toBe('+33639980001')
  })

  it('says when the region is no country', () => {
    expect(() => parseContactAddress('06 39 98 00 01', { defaultRegion: 'France' })).toThrow('defaultRegion: expected an ISO country code')
  })

  it('gives one spelling: reading the canonical value again changes nothing', () => {
    const values = ['+33639980001', 'a@example.com', '36184', 'BRAND']
    for (const value of values) expect(parseContactAddress(value, FR).value).toBe(value)
  })

  it('reads any text to an address that keeps the schema, or refuses it with its code', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.emailAddress(), fc.stringMatching(/^[+0-9 ().-]{1,20}(@(c\.us|lid|g\.us))?$/)),
        (raw) => {
          try {
            expect(contactAddressSchema.safeParse(parseContactAddress(raw, FR)).success).toBe(true)
          } catch (error) {
            expect(isCommsError(error, 'address_invalid')).toBe(true)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('anyContactAddress', () => {
  it.each([
    ['whatsapp:FR.ABC123XYZ', 'lid', 'lid:FR.ABC123XYZ'],
    ['whatsapp:FR.abc123XYZ', 'lid', 'lid:FR.abc123XYZ'],
    ['whatsapp:FR.ENT.11800000000000000001', 'lid', 'lid:FR.ENT.11800000000000000001'],
    ['FR.13491200000000000001', 'lid', 'lid:FR.13491200000000000001'],
    [`whatsapp:US.${'a1'.repeat(64)}`, 'lid', `lid:US.${'a1'.repeat(64)}`],
    ['100000000000001:99@hosted.lid', 'lid', 'lid:100000000000001'],
    ['33639980001:12@hosted', 'phone', '+33639980001'],
    ['33639980001_1:12@s.whatsapp.net', 'phone', '+33639980001'],
    ['33639980001.0:3@s.whatsapp.net', 'phone', '+33639980001'],
    ['100000000000001.1:3@lid', 'lid', 'lid:100000000000001'],
    ['867051000000001@bot', 'other', 'other:867051000000001%40bot'],
    ['867051000000001:3@bot', 'other', 'other:867051000000001%40bot'],
    ["L'Agence", 'sender-name', "L'AGENCE"],
    ['L\u2019Agence', 'sender-name', "L'AGENCE"],
    ['impots.gouv', 'sender-name', 'IMPOTS.GOUV'],
    ['Café *7/7*', 'sender-name', 'CAFÉ *7/7*'],
    ['FR.INFO', 'sender-name', 'FR.INFO'],
    ['+3336184', 'short-code', '+3336184'],
    ['whatsapp:+22997000001', 'phone', '+22997000001'],
    ['22997000001@c.us', 'phone', '+22997000001'],
    ['+999912345678', 'phone', '+999912345678'],
    ['\u202a+33639980001\u202c', 'phone', '+33639980001'],
    [`${'a'.repeat(80)}@reply.example.org`, 'email', `${'a'.repeat(80)}@reply.example.org`],
    ['camille@mail_2.example.org', 'email', 'camille@mail_2.example.org'],
    ['"Camille Martin"@example.org', 'email', '"camille martin"@example.org'],
    ['"camille"@example.org', 'email', 'camille@example.org'],
    ['"Camille" <camille@example.org>', 'email', 'camille@example.org'],
  ])('reads %j as %s %j', (raw, kind, value) => {
    expect(anyContactAddress(raw)).toEqual({ kind, value, raw })
  })

  it.each([
    'impots gouv? non',
    '\ud800',
    'x'.repeat(600),
    'a\nb',
    'messenger:4010000000000001',
    'root@localhost',
    'a@example.com\r\nBcc: x@example.org',
    '"a\r\nb"@example.org',
    '../../etc/passwd@broadcast',
    '..@broadcast',
    '/@broadcast',
    'a\nINFO: fake@broadcast',
    '\u001b[2J\u001b[31mFAKE\u001b[0m@broadcast',
    '\u0000@broadcast',
    "';drop table message_events;--@broadcast",
    '\u202egnp.exe@broadcast',
    'a\u2028INFO x@broadcast',
    'transport:greenapi:x@broadcast',
    `${'x'.repeat(65)}@broadcast`,
    'x/../y@newsletter',
    'x\ny@lid',
    'MAILER-DAEMON',
  ])('reads %j, which is no known kind, as other, in printable characters', (raw) => {
    const address = anyContactAddress(raw)
    expect(address.kind).toBe('other')
    expect(address.value).toMatch(/^other:[\w!'()*.%~-]{1,210}$/)
    expect(contactAddressSchema.parse(address)).toEqual(address)
  })

  it('reads a known kind as parseContactAddress does', () => {
    expect(anyContactAddress('33639980001@c.us')).toEqual(parseContactAddress('33639980001@c.us'))
  })

  it('gives different addresses different values, and no control character or line break to any', () => {
    const odd = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 700 }),
      fc.string({ unit: fc.constantFrom('~', '%', 'a', '%7E', '\ud800', 'é', ':'), minLength: 100, maxLength: 300 }),
    )
    fc.assert(
      fc.property(odd, odd, (one, two) => {
        fc.pre(one.trim() !== '' && two.trim() !== '')
        const [a, b] = [anyContactAddress(one), anyContactAddress(two)]
        expect(a.value).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
        expect(contactAddressSchema.safeParse(a).success).toBe(true)
        if (a.kind === 'other' && b.kind === 'other') expect(a.value === b.value).toBe(one.trim() === two.trim())
      }),
      { numRuns: 2000 },
    )
  })

  it('tells long addresses apart that begin alike', () => {
    const [one, two] = ['1', '2'].map((end) => anyContactAddress(`${'é'.repeat(400)}${end}`).value)
    expect(one).not.toBe(two)
    // Nor can a short one be written that looks like the long one.
    expect(anyContactAddress((one as string).slice('other:'.length)).value).not.toBe(one)
  })
})
