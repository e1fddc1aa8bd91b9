import { describe, expect, it } from 'vitest'
import { parse, phone } from '../testing/parse.ts'
import { ACCOUNT_SID, type Form, incomingMms, MESSAGING_SERVICE_SID, sidOf, smsStatus, whatsAppStatus } from '../testing/payloads.ts'

describe('a status callback', () => {
  const STATUS = '/webhooks/twilio-sms/status'
  const status = (form: Form, query = '?messageId=m-1') => parse(form, STATUS + query)

  it('names the message by our id in the URL, and else by Twilio', () => {
    const form = smsStatus(5, 'sent')
    expect(status(form)).toEqual([
      {
        type: 'message.sent',
        idempotencyKey: `twilio:${ACCOUNT_SID}:status:${sidOf('SM', 5)}:sent`,
        channel: 'sms',
        provider: 'twilio',
        account: ACCOUNT_SID,
        direction: 'outbound',
        contact: phone('+12025550142'),
        endpoint: phone('+12025550100'),
        messageId: 'm-1',
        providerMessageId: sidOf('SM', 5),
        source: { via: 'webhook', raw: form },
        data: { origin: 'api', extra: { status: 'sent' } },
      },
    ])
    expect(status(form, '')[0]?.messageId).toBe(`twilio:${sidOf('SM', 5)}`)
  })

  it.each([
    ['accepted', 'message.sent'],
    ['scheduled', 'message.sent'],
    ['queued', 'message.sent'],
    ['sending', 'message.sent'],
    ['sent', 'message.sent'],
    ['delivered', 'message.delivered'],
    ['partially_delivered', 'message.delivered'],
    ['read', 'message.read'],
    ['undelivered', 'message.failed'],
    ['failed', 'message.failed'],
    ['canceled', 'message.failed'],
  ])('%s is %s, with the word of Twilio beside it', (word, type) => {
    expect(status(smsStatus(5, word))).toMatchObject([
      { type, idempotencyKey: expect.stringMatching(`:${word}$`), data: { extra: { status: word } } },
    ])
  })

  it.each(['receiving', 'received'])('%s tells nothing that the message itself does not', (word) => {
    expect(status(smsStatus(5, word))).toEqual([])
  })

  it('keeps the carrier date as it is: it has no zone, and is no time', () => {
    const [fact] = status(smsStatus(5, 'delivered', { RawDlrDoneDate: '2611230237', MessagingServiceSid: MESSAGING_SERVICE_SID }))
    expect(fact?.data).toEqual({ extra: { status: 'delivered', rawDlrDoneDate: '2611230237', messagingServiceSid: MESSAGING_SERVICE_SID } })
    expect(fact).not.toHaveProperty('occurredAt')
  })

  it('of a read WhatsApp message is read, though SmsStatus lags behind', () => {
    const [fact] = status(whatsAppStatus(5, 'read', { SmsStatus: 'delivered', EventType: 'READ' }))
    expect(fact).toMatchObject({ type: 'message.read', channel: 'whatsapp', contact: phone('+33639980001', 'whatsapp:+33639980001') })
  })

  it.each([
    ['21610', 'policy', false],
    ['30003', 'recipient', true],
    ['30005', 'recipient', false],
    ['30007', 'policy', false],
    ['30008', 'provider', true],
    ['30019', 'content', false],
    ['30034', 'configuration', false],
    ['30036', 'provider', false],
    ['63016', 'content', false],
    ['63049', 'policy', false],
    ['99999', 'provider', false],
  ])('with ErrorCode %s is the fault of %s', (ErrorCode, fault, temporary) => {
    const [fact] = status(smsStatus(5, 'undelivered', { ErrorCode }))
    expect(fact).toMatchObject({
      type: 'message.failed',
      idempotencyKey: `twilio:${ACCOUNT_SID}:status:${sidOf('SM', 5)}:undelivered:${ErrorCode}`,
      data: { error: { code: 'undelivered', providerCode: ErrorCode, class: fault } },
    })
    expect(fact?.data).toHaveProperty('extra', { status: 'undelivered', ...(temporary ? { temporary } : {}) })
  })

  it('of an unknown error tells it in the words of the channel', () => {
    const form = whatsAppStatus(5, 'failed', { ErrorCode: '63999', ChannelStatusMessage: 'Something else' })
    expect(status(form)[0]?.data).toMatchObject({ error: { text: 'Something else' }, extra: { channelStatusMessage: 'Something else' } })
    expect(status(smsStatus(5, 'failed'))[0]?.data).toMatchObject({ error: { code: 'failed', class: 'provider' } })
  })

  it('with ErrorCode 21610 is also the end of consent', () => {
    expect(status(smsStatus(5, 'failed', { ErrorCode: '21610' }))).toMatchObject([
      { type: 'message.failed', data: { error: { class: 'policy' } } },
      {
        type: 'contact.opted_out',
        idempotencyKey: `twilio:${ACCOUNT_SID}:opted-out:${sidOf('SM', 5)}:failed:21610`,
        contact: phone('+12025550142'),
        data: { reason: 'error 21610' },
      },
    ])
  })

  it('that comes to the wrong path is still a status, and a message still a message', () => {
    expect(parse(smsStatus(5, 'delivered'))[0]?.type).toBe('message.delivered')
    expect(parse(incomingMms(5, ['image/png']), STATUS)[0]?.type).toBe('message.received')
  })
})
