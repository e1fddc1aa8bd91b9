import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromJsonb, isMarked, toColumn, toJsonb } from './jsonb-text.ts'

/** Texts of what is special here, among ordinary ones. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('\0', '\u2400', '\ud83d', '\ude00', '\\', 'u0000', '"', '2400', 'ud83d', 'a', '👩‍👧', '0000'), { maxLength: 12 })
    .map((parts) => parts.join('')),
)
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.constant(null),
    fc.array(tie('any'), { maxLength: 4 }),
    fc.dictionary(text, tie('any'), { maxKeys: 4 }),
  ),
})).any

describe('text in jsonb', () => {
  it('comes back as it was, whatever it is, and holds nothing that jsonb refuses', () => {
    fc.assert(
      fc.property(value, (given) => {
        const expected = JSON.parse(JSON.stringify(given))
        const stored = toJsonb(JSON.stringify(given))
        expect(fromJsonb(JSON.parse(stored))).toEqual(expected)
        const all = JSON.stringify(JSON.parse(stored))
        expect(all).not.toMatch(/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/)
      }),
      { numRuns: 2000 },
    )
  })

  it('keeps different names different, and ordinary ones as they are', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(toColumn(a) === toColumn(b)).toBe(a === b)
      }),
    )
    expect(toColumn('whatsapp:+33639980001')).toBe('whatsapp:+33639980001')
    expect(toColumn('nul \0 half \ud83d mark \u2400')).toBe('nul ␀0000 half ␀d83d mark ␀2400')
    expect(isMarked(toColumn('👩‍👧 "\\'))).toBe(false)
  })

  it('touches no property that an object has by nature', () => {
    const stored = JSON.parse(toJsonb('{"__proto__":{"a":"\\u0000"}}'))
    expect(JSON.stringify(fromJsonb(stored))).toBe('{"__proto__":{"a":"\\u0000"}}')
    expect(({} as { a?: string }).a).toBeUndefined()
  })
})
