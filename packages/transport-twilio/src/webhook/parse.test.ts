import { createEvent, isCommsError, systemClock, uuidSource } from '@pipe-comms/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { options, parse, parseBody, phone, SUBACCOUNT } from '../testing/parse.ts'
import {
  ACCOUNT_SID,
  type Form,
  incomingFrenchSms,
  incomingMms,
  incomingSms,
  incomingWhatsApp,
  MESSAGING_SERVICE_SID,
  mediaUrl,
  sidOf,
  smsStatus,
  whatsAppStatus,
} from '../testing/payloads.ts'
import { signedGet } from '../testing/requests.ts'
import { parseWebhook } from './parse.ts'

const content = (form: Form) => parse(form)[0]?.data

describe('an incoming SMS', () => {
  it('becomes message.received, with everything Twilio said beside it', () => {
    const form = incomingSms(1, { SomethingNew: 'x' })
    expect(parse(form)).toEqual([
      {
        type: 'message.received',
        idempotencyKey: `twilio:${ACCOUNT_SID}:received:${sidOf('SM', 1)}`,
        channel: 'sms',
        provider: 'twilio',
        account: ACCOUNT_SID,
        direction: 'inbound',
        contact: phone('+12025550142'),
        endpoint: phone('+12025550100'),
        messageId: `twilio:${sidOf('SM', 1)}`,
        providerMessageId: sidOf('SM', 1),
        source: { via: 'webhook', raw: form },
        data: {
          text: 'Hello',
          extra: {
            from: { city: 'WASHINGTON', state: 'DC', zip: '20001', country: 'US' },
            to: { city: 'WASHINGTON', state: 'DC', zip: '20001', country: 'US' },
          },
        },
      },
    ])
  })

  it('with empty places has none', () => {
    expect(content(incomingFrenchSms(1))).toEqual({
      text: 'Bonjour, je suis intéressé',
      extra: { from: { country: 'FR' }, to: { country: 'FR' } },
    })
  })

  it('may be empty, in any script, and in several segments', () => {
    expect(content(incomingFrenchSms(1, { Body: '' }))).toMatchObject({ text: '' })
    expect(content(incomingFrenchSms(1, { Body: 'été 👍 你好', NumSegments: '3' }))).toMatchObject({
      text: 'été 👍 你好',
      extra: { segments: 3 },
    })
  })

  it('of a Messaging Service keeps its name', () => {
    expect(content(incomingSms(1, { MessagingServiceSid: MESSAGING_SERVICE_SID }))).toMatchObject({
      extra: { messagingServiceSid: MESSAGING_SERVICE_SID },
    })
  })

  it.each([
    ['72975', { kind: 'short-code', value: '72975', raw: '72975' }],
    ['BRAND', { kind: 'sender-name', value: 'BRAND', raw: 'BRAND' }],
  ])('may come from %s', (From, contact) => {
    expect(parse(incomingSms(1, { From }))[0]).toMatchObject({ channel: 'sms', contact })
  })

  it('of a sub-account is of that account', () => {
    expect(parse(incomingSms(1, { AccountSid: SUBACCOUNT }))[0]).toMatchObject({
      account: SUBACCOUNT,
      idempotencyKey: `twilio:${SUBACCOUNT}:received:${sidOf('SM', 1)}`,
    })
  })

  it('says the same by GET', async () => {
    const { url, headers, method } = signedGet('/webhooks/twilio-sms/incoming', incomingSms(1))
    expect(parseWebhook({ url, headers, method, body: new Uint8Array() }, options)).toEqual(parse(incomingSms(1)))
  })

  it('keeps what add-ons say', () => {
    expect(content(incomingSms(1, { AddOns: '{"status":"successful"}' }))).toMatchObject({ extra: { addOns: { status: 'successful' } } })
    expect(content(incomingSms(1, { AddOns: '{broken' }))).toMatchObject({ extra: { addOns: '{broken' } })
  })
})

describe('an incoming MMS', () => {
  it('with an empty body is a message, and no status', () => {
    const [fact, ...more] = parse(incomingMms(2, ['image/jpeg']))
    expect(more).toEqual([])
    expect(fact).toMatchObject({ type: 'message.received', providerMessageId: sidOf('MM', 2) })
    expect(fact?.data).toEqual({
      media: [{ kind: 'image', url: mediaUrl(sidOf('MM', 2), 0), providerMediaId: sidOf('ME', 1), mimeType: 'image/jpeg' }],
    })
  })

  it('keeps the order of eleven files, and what each is', () => {
    const types = [...Array.from({ length: 8 }, () => 'image/png'), 'video/3gpp', 'audio/amr', 'application/pdf']
    const { media } = content(incomingMms(2, types, { Body: 'look' })) as { media: { kind: string; url: string }[] }
    expect(media.map(({ kind }) => kind)).toEqual([...Array.from({ length: 8 }, () => 'image'), 'video', 'audio', 'document'])
    expect(media.map(({ url }) => url)).toEqual(types.map((_, index) => mediaUrl(sidOf('MM', 2), index)))
  })

  it('with a wrong NumMedia loses no file', () => {
    expect(content(incomingMms(2, ['image/png'], { NumMedia: 'x' }))).toMatchObject({ media: [{ kind: 'image' }] })
    expect(content(incomingMms(2, [], { NumMedia: '1' }))).toEqual({
      media: [{ kind: 'document', unavailable: 'NumMedia is 1, but there is no MediaUrl0' }],
    })
  })
})

describe('an incoming WhatsApp message', () => {
  it('is of the channel whatsapp, with the name of its writer', () => {
    const [fact] = parse(incomingWhatsApp(3))
    expect(fact).toMatchObject({
      channel: 'whatsapp',
      contact: phone('+33639980001', 'whatsapp:+33639980001'),
      endpoint: phone('+33639980050', 'whatsapp:+33639980050'),
    })
    expect(fact?.data).toEqual({ text: 'Hello', contactName: 'Alex Martin', extra: { messageType: 'text' } })
  })

  it.each([
    [
      'a reply',
      incomingWhatsApp(3, { OriginalRepliedMessageSid: sidOf('SM', 9), OriginalRepliedMessageSender: 'whatsapp:+33639980050' }),
      { quoted: { providerMessageId: sidOf('SM', 9), author: phone('+33639980050', 'whatsapp:+33639980050') } },
    ],
    [
      'a reply to nobody known',
      incomingWhatsApp(3, { OriginalRepliedMessageSid: 'SM9', OriginalRepliedMessageSender: '?' }),
      { quoted: { providerMessageId: 'SM9' } },
    ],
    [
      'a button',
      incomingWhatsApp(3, {
        MessageType: 'button',
        Body: 'Yes',
        ButtonText: 'Yes',
        ButtonPayload: 'confirm-yes',
        ButtonType: 'QUICK_REPLY',
        OriginalRepliedMessageSid: 'SM9',
      }),
      {
        text: 'Yes',
        reply: { kind: 'button', id: 'confirm-yes', title: 'Yes', ofProviderMessageId: 'SM9' },
        extra: { messageType: 'button', buttonType: 'QUICK_REPLY' },
      },
    ],
    [
      'a row of a list',
      incomingWhatsApp(3, { MessageType: 'interactive', Body: 'Red', ListId: 'r', ListTitle: 'Red', ListDescription: 'A colour' }),
      { reply: { kind: 'list', id: 'r', title: 'Red' }, extra: { listDescription: 'A colour' } },
    ],
    [
      'a flow',
      incomingWhatsApp(3, { MessageType: 'interactive', InteractiveData: '{"a":1}', FlowData: '{}' }),
      { extra: { interactiveData: { a: 1 }, flowData: {} } },
    ],
    [
      'a location',
      incomingWhatsApp(3, {
        MessageType: 'location',
        Body: '',
        Latitude: '48.8584',
        Longitude: '2.2945',
        Address: 'Champ de Mars, Paris',
        Label: 'Tour Eiffel',
      }),
      { location: { latitude: 48.8584, longitude: 2.2945, name: 'Tour Eiffel', address: 'Champ de Mars, Paris' } },
    ],
    ['a location that is none', incomingWhatsApp(3, { Body: '', Latitude: '148', Longitude: '2' }), { text: '' }],
    ['what was forwarded', incomingWhatsApp(3, { Forwarded: 'true' }), { forwarded: { score: 1 } }],
    ['what was forwarded often', incomingWhatsApp(3, { Forwarded: 'true', FrequentlyForwarded: 'true' }), { forwarded: { score: 5 } }],
    [
      'a message from an advertisement',
      incomingWhatsApp(3, {
        ReferralHeadline: 'Buy',
        ReferralSourceUrl: 'https://fb.example.com/ad',
        ReferralSourceType: 'ad',
        ReferralCtwaClid: 'c1',
        ReferralBody: '',
      }),
      { referral: { headline: 'Buy', sourceUrl: 'https://fb.example.com/ad', sourceType: 'ad', ctwaClid: 'c1' } },
    ],
    [
      'a contact card',
      incomingWhatsApp(3, { MessageType: 'contacts' }, ['text/vcard']),
      { media: [{ kind: 'document', mimeType: 'text/vcard' }], extra: { messageType: 'contacts' } },
    ],
    ['a voice note', incomingWhatsApp(3, { MessageType: 'audio' }, ['audio/ogg']), { media: [{ kind: 'voice', mimeType: 'audio/ogg' }] }],
    ['a sticker', incomingWhatsApp(3, { MessageType: 'sticker' }, ['image/webp']), { media: [{ kind: 'sticker' }] }],
  ])('that is %s is understood', (_, form, data) => {
    expect(content(form)).toMatchObject(data)
  })

  it.each(['BR.1502576394655843', 'FR.ABC123XYZ', 'FR.ENT.11800000000000000001', `DE.${'a1'.repeat(64)}`])(
    'of somebody who hides the number is of that id, %s, and of no phone number',
    (id) => {
      const raw = `whatsapp:${id}`
      const quoted = { OriginalRepliedMessageSid: 'SM9', OriginalRepliedMessageSender: raw }
      const [fact] = parse(incomingWhatsApp(3, { From: raw, ...quoted }))
      expect(fact).toMatchObject({ type: 'message.received', channel: 'whatsapp', contact: { raw }, data: { quoted: { author: { raw } } } })
      expect(fact?.contact?.kind).not.toBe('phone')
      expect(fact?.contact?.value).toContain(id)
      expect(parse(whatsAppStatus(5, 'delivered', { To: raw }))[0]).toMatchObject({ type: 'message.delivered', contact: fact?.contact })
    },
  )

  it.each([
    ['impots.gouv', 'sms'],
    ["L'Agence", 'sms'],
    ['+3336184', 'sms'],
    ['whatsapp:+22997000001', 'whatsapp'],
    ['whatsapp:', 'whatsapp'],
    ['messenger:4010000000000001', 'messenger'],
    ['messenger:', 'messenger'],
    ['a b/c: \n?', 'sms'],
    ['x'.repeat(600), 'sms'],
  ])('of a sender of any form is kept: %s', (From, channel) => {
    const [fact] = parse(incomingSms(1, { From }))
    expect(fact).toMatchObject({ type: 'message.received', channel, contact: { raw: From.slice(0, 512) }, data: { text: 'Hello' } })
    expect(parse(smsStatus(5, 'delivered', { To: From }))[0]).toMatchObject({ channel, contact: fact?.contact })
  })

  it('over RCS is of that channel, also when our own name there is of no known form', () => {
    const [fact] = parse(incomingSms(3, { From: 'rcs:+12025550142', To: 'rcs:brand_x7_agent' }))
    expect(fact).toMatchObject({
      channel: 'rcs',
      contact: phone('+12025550142', 'rcs:+12025550142'),
      endpoint: { kind: 'other', raw: 'rcs:brand_x7_agent' },
    })
  })
})

describe('what is not understood', () => {
  it.each([
    ['an empty body', '', 'expected AccountSid, got none'],
    ['another account', new URLSearchParams(incomingSms(1, { AccountSid: sidOf('AC', 8) })).toString(), 'got one of another account'],
    ['no id', new URLSearchParams(incomingSms(1, { MessageSid: '', SmsSid: '', SmsMessageSid: '' })).toString(), 'expected MessageSid'],
    ['no sender', new URLSearchParams(incomingSms(1, { From: '' })).toString(), 'expected From'],
    ['a blank sender', new URLSearchParams(incomingSms(1, { From: ' ' })).toString(), 'expected From'],
    ['another status', new URLSearchParams(smsStatus(1, 'teleported')).toString(), 'MessageStatus "teleported" is not known'],
  ])('%s is refused with its reason', (_, body, reason) => {
    expect(() => parseBody(body)).toThrow(reason)
  })

  it('is refused with a code, whatever it is; what is understood keeps the schema', () => {
    const forms = [incomingSms(1), incomingMms(2, ['image/png']), incomingWhatsApp(3), smsStatus(4, 'failed', { ErrorCode: '21610' })]
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom('', 'STOP', '-1', '1e9', 'true', 'whatsapp:', '{"a":[]}', 'received'),
    )
    const names = [
      ...new Set(forms.flatMap((form) => Object.keys(form))),
      'OptOutType',
      'Latitude',
      'Longitude',
      'ListId',
      'AddOns',
      '__proto__',
      'ReferralBody',
    ]
    const change = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 4 })
    fc.assert(
      fc.property(fc.constantFrom(...forms), change, fc.constantFrom(...names), (form, changed, dropped) => {
        const { [dropped]: _, ...rest } = { ...form, ...changed }
        try {
          for (const fact of parse(rest as Form)) createEvent(fact, { clock: systemClock, ids: uuidSource })
        } catch (error) {
          expect(isCommsError(error, 'webhook_unparsable') || isCommsError(error, 'address_invalid')).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
