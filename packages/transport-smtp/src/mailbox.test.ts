import { anyContactAddress } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { readAddress, readRecipient } from './mailbox.ts'

const LONG = `reply+${'a'.repeat(100)}@example.org`

describe('a recipient whose address only a lenient reader takes', () => {
  it.each([
    [LONG, LONG],
    ['Camille@my_shop.example.org', 'Camille@my_shop.example.org'],
    ['Camille <camille@my_shop.example.org>', 'camille@my_shop.example.org'],
    ['"Camille Dupont"@example.org', '"Camille Dupont"@example.org'],
    ['"camille..d"@example.org', '"camille..d"@example.org'],
    ['"camille"@example.org', 'camille@example.org'],
  ])('is written to: %s', (raw, address) => {
    expect(readRecipient(anyContactAddress(raw))?.address).toBe(address)
  })

  it.each([
    '"a@b.example"@example.org',
    '"a>b"@example.org',
    '"a\\"b"@example.org',
    '"a,b"@example.org',
    '"a\r\nBcc: x@y.example"@example.org',
  ])('is refused where a server could read another address in it: %j', (raw) => {
    expect(readRecipient(anyContactAddress(raw))).toBeUndefined()
  })

  it('is refused when its raw spelling is another address than its value', () => {
    const to = { kind: 'email', value: 'a@my_shop.example.org', raw: 'b@my_shop.example.org' } as const
    expect(readRecipient(to)?.address).toBe('a@my_shop.example.org')
    expect(readRecipient({ ...to, value: 'a@example.org', raw: 'b@example.org' })).toBeUndefined()
  })

  it('is no address for options', () => {
    expect([readAddress(LONG), readAddress('a@my_shop.example.org')]).toEqual([undefined, undefined])
  })
})
