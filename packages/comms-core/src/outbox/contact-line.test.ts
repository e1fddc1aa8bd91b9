import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ContactLine } from './contact-line.ts'

it('has the smallest number in front, whatever came and went', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(30)), { maxLength: 200 }), (acts) => {
      const items = Array.from({ length: 31 }, (_, number) => ({ number }))
      const line = new ContactLine<{ number: number }>()
      const model = new Set<number>()
      for (const [adds, number] of acts) {
        const item = items[number] as { number: number }
        if (adds) {
          line.add(item)
          model.add(number)
        } else {
          line.remove(item)
          model.delete(number)
        }
        expect(line.first()?.number).toBe([...model].sort((a, b) => a - b)[0])
      }
    }),
  )
})
