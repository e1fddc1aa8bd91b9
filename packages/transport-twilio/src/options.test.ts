import { describe, expect, it } from 'vitest'
import { type TwilioOptions, twilioTransport } from './index.ts'

describe('options', () => {
  const wrong = (options: object) => () => twilioTransport(options as TwilioOptions)
  const accountSid = `AC${'0'.repeat(32)}`

  it('lists every problem at once and no secret', () => {
    expect(wrong({ accountSid: 'SK1', authToken: '', apiUrl: 'ftp://example.com', from: '?' })).toThrow(
      /accountSid: .*; authToken.*; from: .*; apiUrl: /s,
    )
    expect(wrong({ accountSid, authToken: 'secret-token', publicUrl: 'https://my_host.example.com' })).toThrow(
      'publicUrl: expected a host without underscore',
    )
    expect(wrong({ accountSid, authToken: 'secret-token', publicUrl: 'https://user:pass@example.com' })).not.toThrow(/secret|pass@/)
  })

  it('sends no token over http, but on this machine or a private network', () => {
    const to = (apiUrl: string) => wrong({ accountSid, authToken: 'secret-token', publicUrl: 'https://comms.example.com', apiUrl })
    for (const url of ['https://api.example.com', 'http://127.0.0.1:1', 'http://twilio:8080']) expect(to(url)).not.toThrow()
    expect(to('http://api.example.com')).toThrow('apiUrl: expected https')
  })

  it('refuses to start without a token or a public URL, unless told to', () => {
    expect(wrong({ accountSid })).toThrow(/authToken: expected the auth token; .*publicUrl: expected the URL that Twilio calls/s)
    expect(wrong({ accountSid, allowUnverifiedWebhooks: true })).not.toThrow()
  })

  it('takes no number for a WhatsApp sender that is none', () => {
    expect(wrong({ accountSid, allowUnverifiedWebhooks: true, whatsappFrom: 'BRAND' })).toThrow('whatsappFrom')
    expect(wrong({ accountSid, allowUnverifiedWebhooks: true, whatsappFrom: 'whatsapp:+12025550100' })).not.toThrow()
  })
})
