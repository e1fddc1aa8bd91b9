import { describe, expect, it } from 'vitest'
import { greenApiTransport } from '../index.ts'
import { webhookVerifier } from './verify.ts'

interface From {
  readonly authorization?: string | undefined
  readonly remoteAddress?: string | undefined
}

const request = ({ authorization, remoteAddress }: From) => ({
  method: 'POST',
  url: 'https://comms.example.com/',
  headers: new Headers(authorization === undefined ? {} : { authorization }),
  body: new Uint8Array(),
  ...(remoteAddress === undefined ? {} : { remoteAddress }),
})
const verify = (webhookToken: string | undefined, from: From, allowedSourceAddresses?: string[]) =>
  webhookVerifier({ webhookToken, allowedSourceAddresses })(request(from))

describe('the token', () => {
  it.each([
    ['abc', 'Bearer abc'],
    ['abc', 'bearer abc'],
    ['abc', 'Bearer  abc'],
    ['abc', 'abc'],
    ['Bearer abc', 'Bearer abc'],
    ['Bearer abc', 'Bearer Bearer abc'],
    ['Basic dXNlcjpwYXNz', 'Basic dXNlcjpwYXNz'],
    ['Basic dXNlcjpwYXNz', 'Bearer Basic dXNlcjpwYXNz'],
  ])('%j takes %j', (token, authorization) => {
    expect(() => verify(token, { authorization })).not.toThrow()
  })

  it.each([
    ['abc', undefined],
    ['abc', ''],
    ['abc', 'Bearer'],
    ['abc', 'Bearer ab'],
    ['abc', 'Bearer abcd'],
    ['abc', 'Bearer Bearer Bearer abc'],
    ['abc', 'Bearer ABC'],
    ['Basic dXNlcjpwYXNz', 'Basic user:pass'],
  ])('%j refuses %j', (token, authorization) => {
    expect(() => verify(token, { authorization })).toThrow(expect.objectContaining({ code: 'webhook_unverified' }) as Error)
  })

  it.each([
    '',
    ' ',
    'Bearer',
    'basic ',
    'a',
    'Bearer fifteen-letters',
    'Bearer Bearer fifteen-letters',
    'sixteen sixteen 16',
    'seize caractères',
  ])('that is none, too short or no printable word (%j) refuses to start and is not in the error', (webhookToken) => {
    for (const options of [{ webhookToken }, { webhookToken: 'sixteen--letters', apiToken: webhookToken }]) {
      const start = () => greenApiTransport({ idInstance: 1, ...options })
      expect(start).toThrow(expect.objectContaining({ code: 'configuration_invalid' }) as Error)
      expect(start).toThrow(/(webhook|api)Token: expected/)
      if (webhookToken.trim().length > 1) expect(start).not.toThrow(webhookToken)
    }
  })

  it.each(['sixteen--letters', 'Bearer sixteen--letters', 'd75b3a66374942c5b3c019c698abc2067e151558acbd412345'])(
    'of 16 characters or more (%j) starts',
    (webhookToken) => {
      expect(() => greenApiTransport({ idInstance: 1, webhookToken })).not.toThrow()
    },
  )
})

describe('the URLs of Green-API', () => {
  const start = (options: object) => () => greenApiTransport({ idInstance: 1, webhookToken: 'sixteen--letters', ...options })

  it.each(['apiUrl', 'mediaUrl'])('are https, or http on this machine or a private network: %s', (name) => {
    for (const url of [
      'https://7105.api.greenapi.com',
      'http://127.0.0.1:1',
      'http://[::1]:1',
      'http://192.168.1.2',
      'http://greenapi:8080',
    ])
      expect(start({ [name]: url })).not.toThrow()
    for (const url of ['http://7105.api.greenapi.com', 'http://203.0.113.7', 'ftp://127.0.0.1'])
      expect(start({ [name]: url })).toThrow(`${name}: `)
  })
})

describe('the list of source addresses', () => {
  const right = 'Bearer abc'
  const allowed = ['51.250.84.44', '51.250.94.0/24', '2001:db8::/32', '::ffff:203.0.113.7']
  const from =
    (remoteAddress: string | undefined, authorization: string = right) =>
    () =>
      verify('abc', { authorization, remoteAddress }, allowed)

  it.each([
    '51.250.84.44',
    '::ffff:51.250.84.44',
    '::ffff:33fa:542c',
    '51.250.94.65',
    '::ffff:51.250.94.65',
    '2001:db8::1',
    '2001:0DB8:0::1',
    '203.0.113.7',
  ])('takes %s', (address) => {
    expect(from(address)).not.toThrow()
  })

  it.each(['51.250.84.45', '51.250.95.1', '::ffff:51.250.84.45', '2001:db9::1', '::1', 'fe80::1%eth0', '', 'unix:', '51.250.84.44:443'])(
    'refuses %j with 403',
    (address) => {
      expect(from(address)).toThrow(expect.objectContaining({ code: 'webhook_unverified', httpStatus: 403 }) as Error)
    },
  )

  it('refuses with 403 when nobody says where a webhook comes from', () => {
    expect(from(undefined)).toThrow(
      expect.objectContaining({ httpStatus: 403, message: expect.stringContaining('remoteAddress') }) as Error,
    )
  })

  it('does not stand in for the token', () => {
    expect(from('51.250.84.44', 'Bearer wrong')).toThrow('Authorization')
  })

  it('takes any address when there is none', () => {
    expect(() => verify('abc', { authorization: right })).not.toThrow()
  })

  it('works without a token too', () => {
    expect(() => verify(undefined, { remoteAddress: '51.250.84.44' }, allowed)).not.toThrow()
    expect(() => verify(undefined, { remoteAddress: '51.250.84.45' }, allowed)).toThrow('allowedSourceAddresses')
  })

  it.each([[[]], [['51.250.84.0/33']], [['2001:db8::/129']], [['51.250.84']], [['example.com']], [['51.250.84.0/']], [['fe80::1%eth0']]])(
    'refuses to start with %j',
    (allowedSourceAddresses) => {
      expect(() => greenApiTransport({ idInstance: 1, webhookToken: 'abc', allowedSourceAddresses })).toThrow(
        expect.objectContaining({ code: 'configuration_invalid', message: expect.stringContaining('allowedSourceAddresses') }) as Error,
      )
    },
  )
})
