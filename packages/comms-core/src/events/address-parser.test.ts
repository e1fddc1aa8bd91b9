import { describe, expect, it } from 'vitest'
import { addressParser } from './address-parser.ts'
import { parseContactAddress } from './contact-address.ts'

const FR = { defaultRegion: 'FR' }

describe('an address parser', () => {
  it('reads as parseContactAddress does, the first time and later', () => {
    const parse = addressParser(FR)
    for (const raw of ['06 39 98 00 01', '33639980001@c.us', 'A@Example.com', '36184', ' +33639980001 ']) {
      expect(parse(raw)).toEqual(parseContactAddress(raw, FR))
      expect(parse(raw)).toBe(parse(raw))
    }
  })

  it('refuses what it refused before', () => {
    const parse = addressParser(FR)
    for (let time = 0; time < 2; time += 1) expect(() => parse('@')).toThrow(expect.objectContaining({ code: 'address_invalid' }))
  })

  it('remembers no more than it is told to', () => {
    const parse = addressParser({ ...FR, maxCached: 2 })
    const first = parse('+33639980001')
    for (const raw of ['+33639980002', '+33639980003']) parse(raw)
    expect(parse('+33639980001')).not.toBe(first)
  })

  it('gives what nobody can change for others', () => {
    expect(() => Object.assign(addressParser(FR)('+33639980001'), { value: 'other' })).toThrow(TypeError)
  })

  it.each([0, -1, 1.5, Number.NaN])('refuses to remember %s addresses', (maxCached) => {
    expect(() => addressParser({ maxCached })).toThrow(expect.objectContaining({ code: 'configuration_invalid' }))
  })
})
