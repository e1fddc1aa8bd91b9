import { createEvent, systemClock, uuidSource } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { parseBody } from '../testing/parse.ts'
import {
  type Form,
  incomingFrenchSms,
  incomingMms,
  incomingSms,
  incomingWhatsApp,
  MESSAGING_SERVICE_SID,
  sidOf,
  smsStatus,
  whatsAppStatus,
} from '../testing/payloads.ts'

const place = { Latitude: '48.8584', Longitude: '2.2945', Label: 'Tour Eiffel', Address: 'Champ de Mars' }
const answer = { OriginalRepliedMessageSid: sidOf('SM', 9), OriginalRepliedMessageSender: 'whatsapp:+33639980050' }
const button = { ...answer, ButtonText: 'Oui', ButtonPayload: 'yes', ButtonType: 'QUICK_REPLY', Forwarded: 'true' }
const list = { ListId: 'r', ListTitle: 'Rouge', ListDescription: 'Une couleur', InteractiveData: '{"a":1}', FlowData: '{}' }
const advertised = { ReferralHeadline: 'Buy', ReferralSourceUrl: 'https://fb.example.com/ad', ReferralNumMedia: '0' }

const PAYLOADS: Readonly<Record<string, Form>> = {
  'an SMS': incomingSms(1, { AddOns: '{"status":"successful"}', MessagingServiceSid: MESSAGING_SERVICE_SID }),
  'a French SMS': incomingFrenchSms(1),
  'an MMS': incomingMms(2, ['image/jpeg', 'video/3gpp']),
  'a WhatsApp message': incomingWhatsApp(3),
  'a WhatsApp file': incomingWhatsApp(3, {}, ['audio/ogg']),
  'a place': incomingWhatsApp(3, { MessageType: 'location', Body: '', ...place }),
  'an answer': incomingWhatsApp(3, button),
  'a choice': incomingWhatsApp(3, { MessageType: 'interactive', ...list }),
  'a message from an advertisement': incomingWhatsApp(3, advertised),
  'an SMS status': smsStatus(4, 'delivered', { RawDlrDoneDate: '2611230237', MessagingServiceSid: MESSAGING_SERVICE_SID }),
  'a failure': smsStatus(4, 'failed', { ErrorCode: '30003', ErrorMessage: 'Unreachable' }),
  'a WhatsApp status': whatsAppStatus(5, 'read', { EventType: 'READ', ChannelStatusMessage: 'x' }),
}

/** What a webhook cannot do without, and why. All else may be missing or odd. */
const REQUIRED: Readonly<Record<string, string>> = {
  AccountSid: 'says that it is ours',
  MessageSid: 'names the message',
}
const OF_MESSAGE: Readonly<Record<string, string>> = { From: 'names the contact' }
const OF_STATUS: Readonly<Record<string, string>> = { MessageStatus: 'says how far it got' }
const isStatus = (form: Form) => form.MessageStatus !== undefined

/** Values that Twilio might send one day. */
const ODDITIES: Readonly<Record<string, readonly string[]>> = {
  missing: [],
  empty: [''],
  blank: [' '],
  'another word': ['novelty'],
  negative: ['-1'],
  'a huge number': ['9'.repeat(400)],
  'a huge text': ['é'.repeat(20_000)],
  'an odd address': ['messenger:4010000000000001'],
  'another odd address': ['whatsapp:FR.ENT.11800000000000000001'],
  'no JSON': ['{broken'],
  'deep JSON': ['['.repeat(20_000) + ']'.repeat(20_000)],
  'a lone surrogate and a NUL': ['\ud83d\u0000'],
  'told twice': ['one', 'two'],
}

function factsOf(form: Form, name?: string, values: readonly string[] = []) {
  const pairs = Object.entries(form).flatMap(([key, value]) => (key === name ? values.map((odd) => [key, odd]) : [[key, value]]))
  return parseBody(new URLSearchParams(pairs as [string, string][]).toString()).map((fact) =>
    createEvent(fact, { clock: systemClock, ids: uuidSource }),
  )
}

describe.each(Object.entries(PAYLOADS))('%s', (_, form) => {
  const required = { ...REQUIRED, ...(isStatus(form) ? OF_STATUS : OF_MESSAGE) }
  // The recipient of a status has a test of its own below.
  const optional = Object.keys(form).filter((name) => !Object.hasOwn(required, name) && !(isStatus(form) && name === 'To'))

  it.each(optional)('is the same fact when %s is odd', (name) => {
    const [whole] = factsOf(form)
    for (const [oddity, values] of Object.entries(ODDITIES)) {
      const facts = factsOf(form, name, values)
      expect(facts, oddity).toHaveLength(1)
      expect(facts[0], oddity).toMatchObject({
        type: whole?.type,
        channel: whole?.channel,
        contact: whole?.contact,
        direction: whole?.direction,
        messageId: whole?.messageId,
        providerMessageId: whole?.providerMessageId,
        // A failure for another reason is another fact.
        ...(name === 'ErrorCode' ? {} : { idempotencyKey: whole?.idempotencyKey }),
      })
    }
  })

  it.each(Object.keys(required))('is no fact without %s', (name) => {
    expect(() => factsOf(form, name, [' '])).toThrow(expect.objectContaining({ code: 'webhook_unparsable' }) as Error)
  })
})

it.each(['', ' '])('a status whose recipient is %j is about the message that its id names', (To) => {
  const [whole] = factsOf(smsStatus(4, 'delivered'))
  const facts = factsOf(smsStatus(4, 'delivered', { To }))
  expect(facts).toMatchObject([{ type: 'message.delivered', contact: { kind: 'other' }, channel: 'sms' }])
  expect(facts[0]).toMatchObject({ idempotencyKey: whole?.idempotencyKey, providerMessageId: whole?.providerMessageId })
})

it('a status without a recipient opts nobody out', () => {
  expect(factsOf(smsStatus(4, 'failed', { ErrorCode: '21610' }))).toHaveLength(2)
  expect(factsOf(smsStatus(4, 'failed', { ErrorCode: '21610', To: '' }))).toMatchObject([{ type: 'message.failed' }])
})

it.each([
  ['a picture', { MediaUrl0: 'https://api.twilio.com/m', MediaContentType0: 'image/jpeg' }, { media: [{ kind: 'image' }] }],
  ['a place', { Latitude: '48.8584', Longitude: '2.2945' }, { location: { latitude: 48.8584 } }],
  ['a button', { ButtonText: 'Oui', ButtonPayload: 'yes' }, { reply: { id: 'yes' } }],
])('%s without Body and NumMedia is a message', (_, parts, data) => {
  const { Body: _body, NumMedia: _count, ...form } = incomingWhatsApp(3, parts)
  expect(factsOf(form)).toMatchObject([{ type: 'message.received', data }])
})

it('a status in its old form, with SmsStatus alone, is a status', () => {
  const { MessageStatus: _status, ...form } = smsStatus(4, 'delivered', { SmsStatus: 'delivered' })
  expect(factsOf(form)).toMatchObject([{ type: 'message.delivered' }])
})

it.each([
  ['NumMedia', 'x'],
  ['NumSegments', '-1'],
  ['Latitude', '148.1'],
  ['Longitude', 'east'],
])('%s that is left out is noted beside the raw parameters', (name, value) => {
  const [event] = factsOf(incomingWhatsApp(3, { MessageType: 'location', Body: '', ...place, [name]: value }))
  expect(event?.source).toMatchObject({ raw: { [name]: value }, unread: [expect.stringMatching(`^${name}: `)] })
  if (/tude/.test(name)) expect(event?.data).toMatchObject({ extra: { place: { name: 'Tour Eiffel', address: 'Champ de Mars' } } })
})

it('an error code that is none is noted, and the failure is kept', () => {
  const [event] = factsOf(smsStatus(4, 'failed', { ErrorCode: 'E-17' }))
  expect(event).toMatchObject({ type: 'message.failed', source: { unread: ['ErrorCode: expected digits'] } })
})
