import fc from 'fast-check'
import { expect, it } from 'vitest'
import { idempotencyKey } from './idempotency-key.ts'

it('joins the parts', () => {
  expect(idempotencyKey('greenapi', 7105000001, 'received', '33639980001@c.us', 'ABC')).toBe(
    'greenapi:7105000001:received:33639980001@c.us:ABC',
  )
})

it('never gives different facts one key', () => {
  const parts = fc.array(fc.string({ minLength: 1, unit: fc.constantFrom('a', ':', '%', '3', 'A') }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      expect(idempotencyKey(...one) === idempotencyKey(...other)).toBe(JSON.stringify(one) === JSON.stringify(other))
    }),
  )
})

it('refuses a missing part', () => {
  expect(() => idempotencyKey('twilio', '', 'received')).toThrow('part 2 of 3 is empty')
  expect(() => idempotencyKey('twilio', undefined as unknown as string)).toThrow('part 2 of 2 is empty')
})
