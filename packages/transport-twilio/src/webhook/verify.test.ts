import { createHash } from 'node:crypto'
import { isCommsError, type WebhookRequest } from '@pipe-comms/core'
import { signTwilioRequest } from '@pipe-comms/simulators'
import fc from 'fast-check'
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js'
import { describe, expect, it } from 'vitest'
import { ACCOUNT_SID, AUTH_TOKEN, incomingSms, sidOf } from '../testing/payloads.ts'
import { verifySignature } from './verify.ts'

const BASE = 'https://comms.example.com'
const PATH = '/webhooks/twilio-sms/incoming'
const SUBACCOUNT = sidOf('AC', 7)
const OPTIONS = { accountSid: ACCOUNT_SID, authToken: [AUTH_TOKEN], subaccounts: {}, publicUrl: BASE }

interface Given {
  readonly method?: string
  /** Path and query as they come to us. */
  readonly target?: string
  readonly body?: string | Uint8Array
  readonly type?: string
  readonly signature?: string
  readonly headers?: Record<string, string>
}

const requestOf = ({
  method = 'POST',
  target = PATH,
  body = '',
  type = 'application/x-www-form-urlencoded',
  signature,
  headers,
}: Given): WebhookRequest => ({
  method,
  url: new URL(target, 'http://127.0.0.1:3000').href,
  headers: new Headers({ 'content-type': type, ...(signature === undefined ? {} : { 'x-twilio-signature': signature }), ...headers }),
  body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
})
const verify = (given: Given, over: object = {}) => verifySignature(requestOf(given), { ...OPTIONS, ...over })
const formOf = (form: Record<string, string>) => new URLSearchParams(form).toString()
const reasonOf = (given: Given, over: object = {}): string => {
  try {
    verify(given, over)
  } catch (error) {
    if (isCommsError(error, 'webhook_unverified')) {
      expect(error.httpStatus).toBe(403)
      return error.message
    }
    throw error
  }
  return 'verified'
}

describe('published vectors', () => {
  const vector = { authToken: ['12345'], publicUrl: 'https://mycompany.example.com' }
  const form = { CallSid: 'CA1234567890ABCDE', Caller: '+12025550142', Digits: '1234', From: '+12025550142', To: '+12025550100' }

  it('pass for a form', () => {
    const given = { target: '/myapp.php?foo=1&bar=2', body: formOf(form), signature: 'SA5PpDqyTxc3l3fCt7rigzCWuM4=' }
    expect(reasonOf(given, vector)).toBe('verified')
    expect(reasonOf({ ...given, body: formOf({ ...form, Digits: '1235' }) }, vector)).toContain('changed parameters')
  })

  it('pass for JSON, over the raw bytes', () => {
    const given = {
      target: '/myapp.php?foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620',
      body: '{"property": "value", "boolean": true}',
      type: 'application/json',
      signature: 'pOPiF/QozEAPl42Rk2Ms/dMdgj8=',
    }
    expect(reasonOf(given, vector)).toBe('verified')
    expect(reasonOf({ ...given, body: '{"property":"value","boolean":true}' }, vector)).toContain('the body is not the one that was signed')
    expect(reasonOf({ ...given, target: given.target.replace('foo=1', 'foo=2') }, vector)).toContain('does not match')
  })
})

describe('a genuine webhook', () => {
  const form = incomingSms(1, {
    Body: "C'est « oui » 👍 + 100 % & more = ~*!",
    Empty: '',
    MediaUrl10: 'b',
    MediaUrl2: 'a',
    zeta: 'z',
    Zeta: 'Z',
  })
  const signed = (target: string, url = BASE + target) => ({
    target,
    body: formOf(form),
    signature: signTwilioRequest(AUTH_TOKEN, url, form),
  })

  it.each([
    ['as it is', signed(PATH), {}],
    ['with a query in its order and encoding', signed(`${PATH}?b=2&a=1%2F2&messageId=m%2D1&empty=&flag`), {}],
    ['with a query that the URL standard writes otherwise', signed(`${PATH}?a=%2f&name=O'Brien`), {}],
    ['signed with the standard port', signed(PATH, `https://comms.example.com:443${PATH}`), {}],
    ['on a port of its own', signed(PATH, `https://comms.example.com:8443${PATH}`), { publicUrl: 'https://comms.example.com:8443' }],
    ['below a path that the proxy takes off', signed(PATH, `https://example.com/comms${PATH}`), { publicUrl: 'https://example.com/comms' }],
    ['signed with the secondary token', signed(PATH), { authToken: ['the-new-one', AUTH_TOKEN] }],
    ['with a host in capitals', signed(PATH), { publicUrl: 'https://COMMS.example.com' }],
  ])('%s passes', (_, given, over) => {
    expect(reasonOf(given, over)).toBe('verified')
  })

  it('by GET passes: its parameters are in the URL', () => {
    const target = `${PATH}?${formOf(form)}`
    const given = { method: 'GET', target, signature: signTwilioRequest(AUTH_TOKEN, BASE + target, {}) }
    expect(reasonOf(given)).toBe('verified')
    expect(reasonOf({ ...given, target: target.replace('Hello', 'Bye').replace('Body=', 'Body=x') })).toContain('does not match')
  })

  it('with a name that comes twice passes: distinct values, sorted', () => {
    const body = 'B=2&B=1&B=2&B=3&A=x'
    expect(reasonOf({ body, signature: getExpectedTwilioSignature(AUTH_TOKEN, BASE + PATH, { B: ['2', '1', '2', '3'], A: 'x' }) })).toBe(
      'verified',
    )
  })

  it('of a sub-account is signed with the token of that one, and of no other', () => {
    const over = { subaccounts: { [SUBACCOUNT]: ['sub-token'] } }
    const ofSub = { ...form, AccountSid: SUBACCOUNT }
    const given = (token: string) => ({ body: formOf(ofSub), signature: signTwilioRequest(token, BASE + PATH, ofSub) })
    expect(reasonOf(given('sub-token'), over)).toBe('verified')
    expect(reasonOf(given(AUTH_TOKEN), over)).toContain('the token is not the one')
    expect(reasonOf({ body: formOf(form), signature: signTwilioRequest('sub-token', BASE + PATH, form) }, over)).toContain('does not match')
    expect(reasonOf(given('sub-token'))).toContain(`expected a webhook of account ${ACCOUNT_SID}`)
  })

  it('passes whatever its parameters are, and fails when one is changed', () => {
    const words = fc.string({ unit: 'binary', maxLength: 8 })
    const names = words.filter((name) => name !== '' && name !== 'AccountSid')
    fc.assert(
      fc.property(fc.dictionary(names, words, { minKeys: 1, noNullPrototype: true }), fc.nat(), (any, at) => {
        const signature = signTwilioRequest(AUTH_TOKEN, BASE + PATH, any)
        expect(reasonOf({ body: formOf(any), signature })).toBe('verified')
        const name = Object.keys(any)[at % Object.keys(any).length] as string
        expect(reasonOf({ body: formOf({ ...any, [name]: `${any[name]}x` }), signature })).toContain('does not match')
      }),
    )
  })
})

describe('a refusal', () => {
  const form = incomingSms(1, { Body: 'a private word' })
  const came = { host: 'comms.example.com', 'x-forwarded-proto': 'https' }
  const signedFor = (url: string, target = PATH, headers: Record<string, string> = came) => ({
    target,
    body: formOf(form),
    signature: signTwilioRequest(AUTH_TOKEN, url, form),
    headers,
  })

  it.each([
    [
      'scheme',
      signedFor(`http://comms.example.com${PATH}`, PATH, { ...came, 'x-forwarded-proto': 'http' }),
      'the scheme: Twilio signed http://',
    ],
    [
      'host',
      signedFor(`https://old.example.com${PATH}`, PATH, { ...came, host: 'old.example.com' }),
      'the host: Twilio signed https://old.example.com, not https://comms.example.com',
    ],
    [
      'host of the proxy',
      signedFor(`https://old.example.com${PATH}`, PATH, { host: '10.0.0.1', 'x-forwarded-host': 'old.example.com' }),
      'the host: Twilio signed https://old.example.com',
    ],
    ['slash', signedFor(`${BASE}${PATH}/`), `the path: Twilio signed ${PATH}/`],
    [
      'prefix',
      signedFor(`${BASE}/comms${PATH}`, PATH, { ...came, 'x-forwarded-prefix': '/comms/' }),
      `the path: Twilio signed /comms${PATH}`,
    ],
    ['re-ordered query', signedFor(`${BASE}${PATH}?b=2&a=1`, `${PATH}?a=1&b=2`), 're-ordered its parameters'],
    ['query added', signedFor(BASE + PATH, `${PATH}?utm=private`), 'Twilio signed the URL without one'],
    ['trimmed body', { ...signedFor(BASE + PATH), body: formOf({ ...form, Body: 'a private' }) }, 'changed parameters'],
    ['another token', { ...signedFor(BASE + PATH), signature: signTwilioRequest('other', BASE + PATH, form) }, 'the token is not the one'],
  ])('names the likely cause: %s', (_, given, cause) => {
    const reason = reasonOf(given)
    expect(reason).toContain(`X-Twilio-Signature does not match the public URL ${BASE}${PATH}`)
    expect(reason).toContain(cause)
    expect(reason).not.toMatch(/private|auth-token|a=1|b=2/)
  })

  it('says how the request came, in words fit for a log', () => {
    const reason = reasonOf({
      ...signedFor('https://elsewhere.example.com'),
      target: `${PATH}?messageId=m-1&evil%0Aname=x`,
      headers: { host: 'comms.example.com', 'x-forwarded-proto': 'http' },
    })
    expect(reason).toContain(`the request came as POST http://comms.example.com${PATH}?messageId=…&evil_name=…. Likely cause:`)
  })

  it.each([
    ['no signature', {}, 'expected the header X-Twilio-Signature, got none'],
    ['neither form nor hash', { type: 'text/plain', body: 'x', signature: 'x' }, 'got neither'],
    [
      'a hash that is none',
      { type: 'application/json', body: '{}', target: `${PATH}?bodySHA256=zz`, signature: 'x' },
      'the body is not the one',
    ],
    ['an unknown account', { body: 'AccountSid=%0Aevil', signature: 'x' }, 'got one of something that is no account'],
  ])('for %s says so', (_, given, reason) => {
    expect(reasonOf(given)).toContain(reason)
  })

  it('of a body under the hash of another one', () => {
    const target = `${PATH}?bodySHA256=${createHash('sha256').update('{}').digest('hex')}`
    const given = { target, type: 'application/json', signature: signTwilioRequest(AUTH_TOKEN, BASE + target, {}) }
    expect(reasonOf({ ...given, body: '{}' })).toBe('verified')
    expect(reasonOf({ ...given, body: '{"x":1}' })).toContain('the body is not the one')
    expect(reasonOf({ ...given, body: 'Body=x', type: 'application/x-www-form-urlencoded' })).toContain('does not match')
  })
})

it.each([
  ['one long value', `Body=${'x'.repeat(1_048_000)}`, 'does not match'],
  ['one name again and again', 'a=1&'.repeat(262_000), 'does not match'],
  ['very many names', Array.from({ length: 100_000 }, (_, index) => `k${index}=`).join('&'), 'expected at most 1000 parameters'],
])('a mebibyte of %s costs little to refuse', (_, body, reason) => {
  const startedAt = performance.now()
  expect(reasonOf({ body, target: `${PATH}?a=1&b=2&c=3&d=%27`, signature: 'x' })).toContain(reason)
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})
