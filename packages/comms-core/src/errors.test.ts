import { expect, it } from 'vitest'
import { CommsError, isCommsError } from './errors.ts'

it('is recognised by name and code, whichever build it comes from', () => {
  const foreign = Object.assign(new Error('Twilio: 503'), { name: 'CommsError', code: 'send_unavailable' })
  expect(isCommsError(foreign, 'send_unavailable')).toBe(true)
  expect(isCommsError(foreign, 'send_rejected')).toBe(false)
  for (const other of [undefined, null, 'CommsError', new Error('x'), { name: 'CommsError' }]) expect(isCommsError(other)).toBe(false)
})

it('keeps cause and details', () => {
  const cause = new Error('socket')
  const error = new CommsError('send_unavailable', 'later', { cause, retryAfterMs: 500 })
  expect(error).toMatchObject({ code: 'send_unavailable', cause, retryAfterMs: 500, message: 'later' })
  expect('failure' in error).toBe(false)
})
