import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { losesInParsing } from './whole-json.ts'

const loses = (text: string) => losesInParsing(text, JSON.parse(text))

describe('losesInParsing', () => {
  it.each([
    ['an integer over 2^53', '{"a":9007199254740993}'],
    ['a negative one, deep inside', '{"a":[1,{"b":[-123456789012345678901]}]}'],
    ['more decimals than a number has', '{"a":0.12345678901234567890}'],
    ['a number that is too large', '{"a":1e999}'],
    ['a number that is too small', '{"a":1e-999}'],
    ['a number of 200 digits', `[${'7'.repeat(200)}]`],
    ['a name that comes twice', '{"a":1,"a":2}'],
    ['a name that comes twice, once escaped', '{"a":{"x":1,"\\u0078":2}}'],
    ['a name that comes twice with the same value', '{ "a": 1, "b": {"c": [1]}, "a": 1 }'],
    ['a body nested a hundred thousand times', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ])('is true for %s', (_, text) => {
    expect(loses(text)).toBe(true)
  })

  it.each([
    ['white space', '{ "a" : [ 1 , 2 ] ,\n "b" : { } }'],
    ['escaped letters', '{"a":"\\u00e9\\/\\ud83d","b\\"{,":"},{\\"a\\":1,\\"a\\":2"}'],
    ['numbers spelled otherwise', '[1.0, 1e3, 100E-2, 0.10, -0, 0e9, 9007199254740992, 0.1, 48.858370, 1e21]'],
    ['the same name in several objects and values', '{"a":{"a":"a"},"b":[{"a":"a"},{"a":["a","a"]}]}'],
    ['a string that looks like a number', '{ "a": "9007199254740993" }'],
    ['a bare value', ' 7 '],
  ])('is false for %s', (_, text) => {
    expect(loses(text)).toBe(false)
  })

  it('is false for whatever JSON.stringify wrote, with or without white space', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(loses(JSON.stringify(value))).toBe(false)
        expect(loses(JSON.stringify(value, null, 2))).toBe(false)
      }),
      { numRuns: 1_000, examples: [[[[131578887488311.12]]]] },
    )
  })

  it('takes time in proportion to the text', () => {
    const ms = (length: number) => {
      const text = `{ "a": "${'\\"'.repeat(length)}", "b": [${'1, '.repeat(length)}1]}`
      const began = performance.now()
      loses(text)
      return performance.now() - began
    }
    ms(10_000)
    expect(ms(400_000)).toBeLessThan(40 * 8 * Math.max(ms(10_000), 2))
  })
})
