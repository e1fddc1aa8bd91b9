import { expect, it } from 'vitest'
import { smtpTransport } from './index.ts'

const base = { host: 'mail.example.com', from: 'Sales <sales@example.com>' }

it('needs a relay and a sender, and names every problem but no secret', () => {
  const wrong = () =>
    smtpTransport({
      from: 'sales',
      port: 0,
      user: 'sales@example.com',
      dkim: { selector: 's', privateKey: 'my-key' },
      inboundToken: 'short',
    })
  expect(wrong).toThrow(
    /host: .*port: .*from: expected an e-mail address.*dkim\.privateKey: expected PEM.*inboundToken: expected at least 16/s,
  )
  expect(wrong).not.toThrow(/my-key|short/)
  expect(() => smtpTransport({ ...base, user: 'sales@example.com' })).toThrow('password: expected user and password together')
})

it.each(['a@example.com\r\nBcc: x@example.org', 'Name\r\nX: y <a@example.com>', 'a@b@example.com', '<a@example.com> <b@example.com>', ''])(
  'refuses the sender %j',
  (from) => {
    expect(() => smtpTransport({ ...base, from })).toThrow('from: expected an e-mail address')
  },
)

it('is the sender in events, whatever its name', () => {
  expect(smtpTransport(base)).toMatchObject({ id: 'smtp', channel: 'email', account: 'sales@example.com' })
  expect(smtpTransport({ ...base, from: 'sales@münchen.example.com' }).account).toBe('sales@xn--mnchen-3ya.example.com')
  expect(smtpTransport({ ...base, id: 'smtp-2', account: 'old@example.com' })).toMatchObject({ id: 'smtp-2', account: 'old@example.com' })
})

it('knows OVH: its host, its port, its 200 an hour, which may be set otherwise', () => {
  const credentials = { user: 'sales@example.com', password: 'password-for-tests' }
  const ovh = smtpTransport({ preset: 'ovh', from: 'sales@example.com', ...credentials })
  expect(ovh.sendLimits).toEqual([{ messages: 200, perMs: 3_600_000 }])
  const limits = [{ messages: 5, perMs: 1000 }]
  expect(smtpTransport({ preset: 'ovh', from: 'sales@example.com', ...credentials, limits }).sendLimits).toEqual(limits)
  expect(smtpTransport(base)).not.toHaveProperty('sendLimits')
})

it('has a webhook only when it has a token', () => {
  expect(smtpTransport(base)).not.toHaveProperty('webhooks')
  const [webhook] = smtpTransport({ ...base, inboundToken: 'inbound-token-for-tests' }).webhooks ?? []
  expect(webhook).toMatchObject({ path: '/webhooks/smtp/inbound', methods: ['POST'] })
})

it.each(['inbound token of tests', 'inbound-token-für-tests', 'inbound-token-\u0007-tests', 'fifteen-letters'])(
  'refuses the inbound token %j, which is no secret that a header can hold',
  (inboundToken) => {
    expect(() => smtpTransport({ ...base, inboundToken })).toThrow(/inboundToken: expected (at least 16|printable ASCII) characters/)
    expect(() => smtpTransport({ ...base, inboundToken })).not.toThrow(inboundToken)
  },
)
