import { expect, it } from 'vitest'
import { verifyToken } from './verify.ts'

const verify = (token: string, authorization?: string) =>
  verifyToken(
    {
      method: 'POST',
      url: 'https://comms.example.com/',
      headers: new Headers(authorization === undefined ? {} : { authorization }),
      body: new Uint8Array(),
    },
    token,
  )

it.each([
  ['abc', 'Bearer abc'],
  ['abc', 'bearer abc'],
  ['abc', 'Bearer  abc'],
  ['abc', 'abc'],
  ['Bearer abc', 'Bearer abc'],
  ['Bearer abc', 'Bearer Bearer abc'],
  ['Basic dXNlcjpwYXNz', 'Basic dXNlcjpwYXNz'],
])('token %j takes %j', (token, header) => {
  expect(() => verify(token, header)).not.toThrow()
})

it.each([
  ['abc', undefined],
  ['abc', ''],
  ['abc', 'Bearer'],
  ['abc', 'Bearer ab'],
  ['abc', 'Bearer abcd'],
  ['abc', 'Bearer Bearer Bearer abc'],
  ['abc', 'Bearer ABC'],
])('token %j refuses %j', (token, header) => {
  expect(() => verify(token, header)).toThrow(/^Green-API: /)
})
