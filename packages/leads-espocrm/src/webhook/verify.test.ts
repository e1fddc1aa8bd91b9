import { describe, expect, it } from 'vitest'
import { verifySignature } from './verify.ts'

/** Made with PHP's hash_hmac as EspoCRM does it. */
const WEBHOOK = { id: '65f1c2a3b4d5e6f80', secretKey: 'test-secret-key' }
const BODY = '[{"id":"65f1c2a3b4d5e6f70"}]'
const SIGNATURE = 'NjVmMWMyYTNiNGQ1ZTZmODA6OTRjM2IwNjY1Yjk0MzI3M2I1YzA4YTNkM2NiZjVmZGQxOWQxYWI4NGI0MWRhMWE5ZDZjMmRlM2M0NGZlNThjZQ=='
const OLDER = 'NjVmMWMyYTNiNGQ1ZTZmODA6lMOwZluUMnO1wIo9PL9f3RnRq4S0HaGp1sLePET+WM4='

const verify = (headers: Record<string, string>, body = BODY, webhook: { id?: string; secretKey: string } = WEBHOOK) => {
  const url = 'https://comms.example.com/webhooks/espocrm/Lead.create'
  verifySignature({ method: 'POST', url, headers: new Headers(headers), body: new TextEncoder().encode(body) }, 'Lead.create', webhook)
}

describe('the signature of a webhook', () => {
  it('is right in either header, and in both', () => {
    verify({ signature: SIGNATURE })
    verify({ 'x-signature': OLDER })
    verify({ signature: SIGNATURE, 'x-signature': OLDER })
    verify({ signature: SIGNATURE }, BODY, { secretKey: WEBHOOK.secretKey })
  })

  it.each<[string, () => void]>([
    ['none', () => verify({})],
    ['another body', () => verify({ signature: SIGNATURE }, `${BODY} `)],
    ['another secret', () => verify({ signature: SIGNATURE }, BODY, { secretKey: 'other' })],
    ["another webhook's id", () => verify({ signature: SIGNATURE }, BODY, { ...WEBHOOK, id: '65f1c2a3b4d5e6f81' })],
    ['the older form in the newer header', () => verify({ signature: OLDER })],
    ['the newer form in the older header', () => verify({ 'x-signature': SIGNATURE })],
    ['a wrong one in the newer header beside a right older one', () => verify({ signature: btoa('x:y'), 'x-signature': OLDER })],
    ['something that is no base64', () => verify({ signature: '***' })],
  ])('is refused: %s', (_, run) => {
    expect(run).toThrow(expect.objectContaining({ code: 'webhook_unverified' }))
  })

  it('shows neither secret nor signature when it is refused', () => {
    expect(() => verify({ signature: SIGNATURE }, '[]')).toThrow(/^(?!.*(test-secret-key|OTRj)).*$/)
  })
})
