import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { readLeniently } from './lenient-read.ts'

const text = z
  .string()
  .nullish()
  .transform((value) => value || undefined)
const schema = z.looseObject({
  id: z.string().min(1),
  sender: z.looseObject({ chat: z.string(), name: text, age: z.number().optional() }),
  quoted: z.looseObject({ id: z.string(), author: text }).nullish(),
  callers: z.array(z.looseObject({ id: z.string() })).nullish(),
})
const whole = { id: '1', sender: { chat: 'c', name: 'Camille', age: 30 }, quoted: { id: '0', author: 'a' }, callers: [{ id: 'x' }] }
const read = (change: object) => readLeniently(schema, { ...whole, ...change })

describe('readLeniently', () => {
  it('reads a value that is as expected whole, with no note', () => {
    expect(readLeniently(schema, whole)).toEqual({ success: true, data: whole, unread: [] })
  })

  it('leaves out an optional field of another type, and says which and why', () => {
    expect(read({ sender: { chat: 'c', name: 7, age: 'x' } })).toEqual({
      success: true,
      data: { ...whole, sender: { chat: 'c', name: undefined } },
      unread: [
        'sender.name: Invalid input: expected string, received number',
        'sender.age: Invalid input: expected number, received string',
      ],
    })
  })

  it('leaves out an item of a list, and keeps the others', () => {
    const found = read({ callers: [{ id: 7 }, { id: 'y' }, null, 'z', { id: 'w' }] })
    expect(found).toMatchObject({ success: true, data: { callers: [{ id: 'y' }, { id: 'w' }] } })
    expect(found.success && found.unread.map((note) => note.split(':')[0])).toEqual(['callers.0.id', 'callers.2', 'callers.3'])
  })

  it('leaves out an optional object whose required field is odd or missing', () => {
    expect(read({ quoted: { author: 'a' } })).toMatchObject({
      data: { id: '1', sender: { name: 'Camille' } },
      unread: ['quoted.id: Invalid input: expected string, received undefined'],
    })
    expect(read({ quoted: { id: 7 } })).not.toHaveProperty('data.quoted')
    expect(read({ quoted: 'x' })).toMatchObject({ success: true, unread: [expect.stringContaining('quoted:')] })
  })

  it.each([
    ['is missing', { id: undefined }, 'id: Invalid input: expected string, received undefined'],
    ['is of another type', { id: 7 }, 'id: Invalid input: expected string, received number'],
    ['is missing in a required object', { sender: {} }, 'sender.chat: Invalid input: expected string, received undefined'],
    ['is of another type in a required object', { sender: { chat: [] } }, 'sender.chat: Invalid input: expected string, received array'],
  ])('fails when a required field %s, and says what came', (_, change, problem) => {
    expect(read(change)).toEqual({ success: false, problems: [problem] })
  })

  it.each([null, undefined, 'x', 7, []])('fails when the value itself is %j', (value) => {
    expect(readLeniently(schema, value)).toMatchObject({ success: false, problems: [expect.stringContaining('body: ')] })
  })

  it('puts the path of the value in front of the notes', () => {
    expect(readLeniently(schema, { ...whole, callers: 7 }, 'data')).toMatchObject({ unread: [expect.stringMatching(/^data\.callers: /)] })
  })

  it('changes nothing in the value it is given', () => {
    const value = { ...whole, callers: [{ id: 7 }], sender: { chat: 'c', name: 7 } }
    const before = structuredClone(value)
    readLeniently(schema, value)
    expect(value).toEqual(before)
  })

  it('writes at most twenty notes, none of them long', () => {
    const found = readLeniently(z.looseObject({ names: z.record(z.string(), z.string()) }), {
      names: Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`${index}`.padStart(2_000, 'x'), index])),
    })
    expect(found).toMatchObject({ success: true, unread: expect.arrayContaining(['and 30 more']) })
    expect(found.success && Math.max(...found.unread.map(({ length }) => length))).toBeLessThanOrEqual(300)
  })

  it('takes time in proportion to the value', () => {
    const odd = (length: number) => ({ ...whole, callers: Array.from({ length }, () => ({ id: 7 })) })
    const ms = (value: object) => {
      const began = performance.now()
      readLeniently(schema, value)
      return performance.now() - began
    }
    const [small, large] = [odd(10_000), odd(80_000)]
    ms(small)
    expect(ms(large)).toBeLessThan(8 * 8 * Math.max(ms(small), 5))
  })

  it('keeps all required fields whatever is put in the place of optional ones', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (name, age, quoted, callers) => {
        const found = read({ sender: { chat: 'c', name, age }, quoted, callers })
        expect(found).toMatchObject({ success: true, data: { id: '1', sender: { chat: 'c' } } })
      }),
    )
  })
})
