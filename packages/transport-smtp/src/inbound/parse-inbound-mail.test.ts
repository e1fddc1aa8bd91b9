import {
  createEvent,
  type EventFact,
  isCommsError,
  type MessageEventOf,
  type MessageEventType,
  systemClock,
  uuidSource,
} from '@pipe-comms/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as words from '../testing/bounces-in-words.ts'
import { bounce, failed, OUR_ID, reply, vacation } from '../testing/mails.ts'
import { isAutomaticMail, parseInboundMail } from './parse-inbound-mail.ts'

const ACCOUNT = 'sales@example.com'
const parse = async (raw: string | Uint8Array) => {
  const facts = await parseInboundMail(raw, { account: ACCOUNT })
  for (const fact of facts) createEvent(fact, { clock: systemClock, ids: uuidSource })
  return facts
}
const only = async (raw: string | Uint8Array) => {
  const facts = await parse(raw)
  expect(facts).toHaveLength(1)
  return facts[0] as EventFact
}
const email = (value: string, raw = value) => ({ kind: 'email', value, raw })
const dataOf = <Type extends MessageEventType>(fact: EventFact, type: Type) => {
  expect(fact.type).toBe(type)
  return fact.data as MessageEventOf<Type>['data']
}

describe('a reply', () => {
  it('is a message in the contact’s conversation, in its thread', async () => {
    expect(await only(reply())).toEqual({
      type: 'message.received',
      idempotencyKey: expect.stringMatching(/^smtp:sales@example\.com:received:camille@example\.org:reply-1@example\.org#[0-9a-f]{16}$/),
      channel: 'email',
      provider: 'smtp',
      account: ACCOUNT,
      direction: 'inbound',
      contact: email('camille@example.org', 'Camille@example.org'),
      endpoint: email('sales@example.com'),
      messageId: expect.stringMatching(/^smtp:reply-1@example\.org#[0-9a-f]{16}$/),
      providerMessageId: expect.stringMatching(/^reply-1@example\.org#[0-9a-f]{16}$/),
      occurredAt: '2026-01-06T10:05:03.000Z',
      source: { via: 'poll', raw: { mime: reply() } },
      data: {
        subject: 'Re: Dévis',
        text: "D'accord, merci.\n",
        thread: {
          messageIdHeader: 'reply-1@example.org',
          inReplyTo: [`${OUR_ID}@example.com`],
          references: ['first@example.com', `${OUR_ID}@example.com`],
        },
        quoted: { providerMessageId: `${OUR_ID}@example.com` },
        contactName: 'Camille Martín',
      },
    })
  })

  it('has one key whichever way it came', async () => {
    const other = `Received: by elsewhere.example.com; Tue, 06 Jan 2026 10:09:00 +0000\r\n${reply()}`
    expect((await only(other)).idempotencyKey).toBe((await only(reply())).idempotencyKey)
    expect((await only(reply({ from: 'x@example.org' }))).idempotencyKey).not.toBe((await only(reply())).idempotencyKey)
  })

  it('without a Message-ID is known by its bytes', async () => {
    const raw = reply().replace(/Message-ID: .*\r\n/, '')
    const fact = await only(raw)
    expect(fact.providerMessageId).toMatch(/^sha256-[0-9a-f]{64}$/)
    expect((await only(raw)).idempotencyKey).toBe(fact.idempotencyKey)
  })

  it('in HTML alone has its text', async () => {
    const data = dataOf(
      await only(reply({ headers: ['Content-Type: text/html; charset=utf-8'], body: '<p>Oui,<br>merci</p>' })),
      'message.received',
    )
    expect(data).toMatchObject({ text: 'Oui,\nmerci', html: expect.stringContaining('<p>Oui,<br>merci</p>') })
  })

  it.each([
    ['iso-8859-1', 'quoted-printable', 'D=E9j=E0'],
    ['windows-1252', 'base64', Buffer.from('Déjà', 'latin1').toString('base64')],
    ['utf-8', '8bit', 'Déjà'],
    ['iso-2022-jp', '7bit', '\u001b$B$O$$\u001b(B'],
  ])('in %s, %s, is read as text', async (charset, encoding, body) => {
    const headers = [`Content-Type: text/plain; charset=${charset}`, `Content-Transfer-Encoding: ${encoding}`]
    expect(dataOf(await only(reply({ headers, body })), 'message.received').text?.trim()).toBe(charset === 'iso-2022-jp' ? 'はい' : 'Déjà')
  })

  it('tells of its files, and where answers should go', async () => {
    const headers = ['Reply-To: assistant@example.org', 'Content-Type: multipart/mixed; boundary=b']
    const file = [
      '--b',
      'Content-Type: image/png; name=photo.png',
      'Content-Disposition: attachment; filename="photo d\'é.png"',
      'Content-ID: <p1>',
      '',
      'abc',
      '--b--',
    ]
    const body = ['--b', 'Content-Type: text/plain', '', 'Voici', ...file].join('\r\n')
    const data = dataOf(await only(reply({ headers, body })), 'message.received')
    expect(data).toMatchObject({
      text: 'Voici',
      media: [
        {
          kind: 'image',
          mimeType: 'image/png',
          sizeBytes: 3,
          contentId: 'p1',
          providerMediaId: expect.stringMatching(/^reply-1@example\.org#[0-9a-f]{16}#1$/),
        },
      ],
      extra: { replyTo: 'assistant@example.org' },
    })
    expect(data.media?.[0]?.fileName).toMatch(/^photo/)
  })

  it('is kept raw: as text, byte for byte when it is none, by its headers when it is large', async () => {
    const bytes = Buffer.from(reply({ headers: ['Content-Type: text/plain; charset=iso-8859-1'], body: 'D\u00e9j\u00e0' }), 'latin1')
    expect((await only(bytes)).source?.raw).toEqual({ mimeBase64: bytes.toString('base64') })
    const large = reply({ body: 'x'.repeat(300_000) })
    expect((await only(large)).source?.raw).toMatchObject({
      sizeBytes: large.length,
      headers: expect.stringContaining('Message-ID: <reply-1'),
    })
  })

  it('with a forwarded bounce in it is no bounce', async () => {
    const headers = ['Content-Type: multipart/mixed; boundary=b']
    const body = [
      '--b',
      '',
      'Look at this',
      '--b',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; x',
      '',
      ...failed.fields,
      '',
      '--b--',
    ].join('\r\n')
    expect((await only(reply({ headers, body }))).type).toBe('message.received')
  })
})

describe('an automatic mail', () => {
  it.each([
    [['Auto-Submitted: auto-replied'], ['automatic', 'auto-reply']],
    [['X-Autoreply: yes'], ['automatic', 'auto-reply']],
    [['X-Autorespond: x'], ['automatic', 'auto-reply']],
    [['Precedence: auto_reply'], ['automatic', 'auto-reply']],
    [['Auto-Submitted: auto-generated'], ['automatic']],
    [['Precedence: bulk'], ['automatic']],
    [['List-Id: <l.example.org>'], ['automatic']],
    [['X-Auto-Response-Suppress: All'], ['automatic']],
    [['Auto-Submitted: no'], ['automatic']],
  ])('with %j is flagged %j', async (headers, flags) => {
    const fact = await only(vacation(headers).replace('Subject: Absente', 'Subject: Re: Devis'))
    expect(dataOf(fact, 'message.received')).toMatchObject({ text: 'Je suis absente.\n', flags })
    expect(isAutomaticMail(dataOf(fact, 'message.received'))).toBe(true)
  })

  it('is known by its subject, in several languages', async () => {
    for (const subject of ['Automatic reply: Devis', 'Out of Office', 'Réponse automatique : Devis']) {
      const raw = reply().replace(/Subject: .*\r\n/, `Subject: ${subject}\r\n`)
      expect(dataOf(await only(raw), 'message.received').flags).toEqual(['automatic', 'auto-reply'])
    }
  })

  it('is none that a person wrote', async () => {
    expect(dataOf(await only(reply()), 'message.received')).not.toHaveProperty('flags')
    expect(isAutomaticMail(dataOf(await only(reply({ headers: ['Auto-Submitted: no'] })), 'message.received'))).toBe(false)
  })
})

describe('a delivery status notification', () => {
  it('of a failure is message.failed on the right message, in the conversation of the address we wrote to', async () => {
    expect(await only(bounce())).toMatchObject({
      type: 'message.failed',
      idempotencyKey:
        'smtp:sales@example.com:report:20260106100700.1A2B3C@mx.example.net:019b92d0-7a00-7000-8000-0000000000a1:camille@example.org:failed:5.1.1',
      direction: 'outbound',
      contact: email('camille@example.org'),
      messageId: OUR_ID,
      providerMessageId: `${OUR_ID}@example.com`,
      occurredAt: '2026-01-06T10:07:00.000Z',
      data: { error: { code: 'bounced', providerCode: '5.1.1', class: 'recipient', text: /User unknown$/ } },
    })
  })

  it.each([
    ['5.2.2', 'recipient'],
    ['5.4.4', 'recipient'],
    ['5.4.7', 'provider'],
    ['5.3.4', 'content'],
    ['5.6.1', 'content'],
    ['5.7.1', 'policy'],
    ['4.4.7', 'provider'],
  ])('with %s has class %s', async (status, failure) => {
    const fields = ['Final-Recipient: rfc822; camille@example.org', 'Action: failed', `Status: ${status}`]
    expect(dataOf(await only(bounce({ recipients: [{ fields }] })), 'message.failed').error).toMatchObject({
      providerCode: status,
      class: failure,
    })
  })

  it('with a status that says nothing has the code that the other server answered', async () => {
    const fields = [
      'Final-Recipient: rfc822; camille@example.org',
      'Action: failed',
      'Status: 5.0.0',
      'Diagnostic-Code: smtp; 550 5.7.1 Spam',
    ]
    expect(dataOf(await only(bounce({ recipients: [{ fields }] })), 'message.failed').error).toMatchObject({
      providerCode: '5.7.1',
      class: 'policy',
    })
    const other = fields.map((field) => field.replace('5.0.0', '5.2.2'))
    expect(dataOf(await only(bounce({ recipients: [{ fields: other }] })), 'message.failed').error.providerCode).toBe('5.2.2')
  })

  it('tells of each recipient by itself; a delay is no failure, a relay no delivery', async () => {
    const of = (address: string, action: string, status: string, ...more: readonly string[]) => ({
      fields: [`Final-Recipient: rfc822; ${address}`, `Action: ${action}`, `Status: ${status}`, ...more],
    })
    const facts = await parse(
      bounce({
        recipients: [
          of('a@example.org', 'failed', '5.1.1'),
          of(
            'b@example.org',
            'delayed',
            '4.4.1',
            'Will-Retry-Until: Sun, 11 Jan 2026 10:07:00 +0000',
            'Diagnostic-Code: X-Postfix; connect to mx: timed out',
          ),
          of('c@example.org', 'delivered', '2.0.0'),
          of('d@example.org', 'relayed (to a system that is silent)', '2.1.5'),
          of('e@example.org', 'Expanded', '2.0.0'),
          { fields: ['Final-Recipient: x-local; nobody', 'Action: failed', 'Status: 5.0.0'] },
        ],
      }),
    )
    expect(facts.map(({ type, contact, data }) => [type, contact?.value, 'state' in data ? data.state : undefined])).toEqual([
      ['message.failed', 'a@example.org', undefined],
      ['message.in_transit', 'b@example.org', 'delayed'],
      ['message.delivered', 'c@example.org', undefined],
      ['message.in_transit', 'd@example.org', 'relayed'],
      ['message.in_transit', 'e@example.org', 'expanded'],
    ])
    expect(facts[1]?.data).toEqual({
      state: 'delayed',
      until: '2026-01-11T10:07:00.000Z',
      description: 'connect to mx: timed out',
      extra: { status: '4.4.1' },
    })
    expect(new Set(facts.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(5)
  })

  it('names the message by ENVID when the Message-ID is missing', async () => {
    const fact = await only(bounce({ perMessage: ['Original-Envelope-Id: m+2B1'], original: ['To: camille@example.org'] }))
    expect(fact.messageId).toBe('m+1')
    expect(fact).not.toHaveProperty('providerMessageId')
  })

  it('about a message that is not ours keeps its name', async () => {
    const fact = await only(bounce({ original: ['Message-ID: <abc@other.example.net>'] }))
    expect([fact.messageId, fact.providerMessageId]).toEqual(['smtp:abc@other.example.net', 'abc@other.example.net'])
    // Unless its ENVID is ours: a relay may have given the message another Message-ID.
    const renamed = await only(bounce({ perMessage: ['Original-Envelope-Id: m-1'], original: ['Message-ID: <abc@relay.example.net>'] }))
    expect([renamed.messageId, renamed.providerMessageId]).toEqual(['m-1', 'abc@relay.example.net'])
  })

  it('about a copy does not make the message fail', async () => {
    const original = [`Message-ID: <${OUR_ID}@example.com>`, 'To: camille@example.org', 'Cc: Boss <boss@example.com>']
    const fields = ['Final-Recipient: rfc822; boss@example.com', 'Action: failed', 'Status: 5.1.1']
    expect((await only(bounce({ original, recipients: [{ fields }] }))).messageId).toBe(`${OUR_ID}#boss@example.com`)
  })

  it('that names nobody by address is about whom the message was for', async () => {
    const recipients = [{ fields: ['Final-Recipient: x-local; camille', 'Action: failed', 'Status: 5.1.1'] }]
    const local = await only(bounce({ recipients }))
    expect([local.type, local.contact?.value]).toEqual(['message.failed', 'camille@example.org'])
    const named = [{ fields: ['Final-Recipient: rfc822; camille@localhost', 'Action: failed', 'Status: 5.1.1'] }]
    expect((await only(bounce({ recipients: named }))).contact?.value).toBe('camille@example.org')
  })

  it('is read in base64 and when it is cut off', async () => {
    const status = 'Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; camille@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n'
    const raw = bounce().replace(
      /Content-Type: message\/delivery-status\r\n\r\n[\s\S]*?\r\n--/,
      `Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(status).toString('base64')}\r\n--`,
    )
    expect((await only(raw)).type).toBe('message.failed')
    expect((await only(raw.slice(0, raw.indexOf('Content-Type: text/rfc822-headers')))).type).toBe('message.failed')
  })
})

describe('a bounce in words', () => {
  it('of qmail, one fact for each address', async () => {
    expect(
      (await parse(words.qmail)).map(({ type, contact, messageId, data }) => [
        type,
        contact?.value,
        messageId,
        'error' in data && data.error,
      ]),
    ).toEqual([
      ['message.failed', 'camille@example.org', OUR_ID, expect.objectContaining({ providerCode: '5.1.1', class: 'recipient' })],
      ['message.failed', 'alex@example.org', OUR_ID, expect.objectContaining({ providerCode: '4.4.1' })],
    ])
  })

  it('of Exim', async () => {
    const fact = await only(words.exim)
    expect([fact.type, fact.messageId, dataOf(fact, 'message.failed').error]).toEqual([
      'message.failed',
      OUR_ID,
      expect.objectContaining({ providerCode: '5.2.2', class: 'recipient' }),
    ])
    expect(dataOf(await only(words.eximDelayed), 'message.in_transit')).toMatchObject({ state: 'delayed' })
  })

  it('of Exchange', async () => {
    const fact = await only(words.exchange)
    expect([fact.contact?.value, fact.messageId, dataOf(fact, 'message.failed').error]).toEqual([
      'camille@example.org',
      OUR_ID,
      expect.objectContaining({ providerCode: '5.1.1', class: 'recipient' }),
    ])
  })

  it('that says neither whom nor why is kept as a mail of a machine', async () => {
    expect(dataOf(await only(words.vague), 'message.received').flags).toEqual(['automatic', 'bounce'])
  })
})

it('reads a notice that the mail was read', async () => {
  const notice = (disposition: string) =>
    bounce({ from: 'Camille <camille@example.org>' })
      .replace('report-type=delivery-status', 'report-type=disposition-notification')
      .replace('Content-Type: message/delivery-status', 'Content-Type: message/disposition-notification')
      .replace(
        /Reporting-MTA[\s\S]*?rejected: User unknown/,
        `Final-Recipient: rfc822; camille@example.org\r\nOriginal-Message-ID: <${OUR_ID}@example.com>\r\nDisposition: ${disposition}`,
      )
  expect(await only(notice('manual-action/MDN-sent-manually; displayed'))).toMatchObject({ type: 'message.read', messageId: OUR_ID })
  expect((await only(notice('automatic-action/MDN-sent-automatically; deleted'))).type).toBe('message.received')
})

describe('what is no mail', () => {
  it.each(['', 'x', 'From: nobody', 'From: undisclosed-recipients:;', 'From: a@b', '{"a":1}', '\r\n\r\nFrom: a@example.com'])(
    '%j is refused',
    async (raw) => {
      await expect(parse(raw)).rejects.toMatchObject({ code: 'webhook_unparsable' })
    },
  )

  it('is refused with a code, whatever it is; what is understood keeps the schema', async () => {
    const genuine = fc.constantFrom(reply(), vacation(), bounce(), ...Object.values(words))
    const mutated = fc.tuple(
      genuine,
      fc.nat(),
      fc.nat(200),
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('\r\n\r\n', '--', '=?utf-8?B?', 'Content-Type: multipart/mixed; boundary=a\r\n', '<', ';'),
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, fc.uint8Array({ maxLength: 500 })), async (given) => {
        let raw: string | Uint8Array
        if (given instanceof Uint8Array) raw = given
        else {
          const [mail, at, length, inserted] = given
          const from = at % mail.length
          raw = mail.slice(0, from) + inserted + mail.slice(from + length)
        }
        try {
          await parse(raw)
        } catch (error) {
          expect(isCommsError(error, 'webhook_unparsable'), String((error as Error).stack)).toBe(true)
        }
      }),
      { numRuns: 1500 },
    )
  }, 60_000)

  it('takes no long time over what is made to be slow', async () => {
    const deep = Array.from(
      { length: 3000 },
      (_, index) => `Content-Type: multipart/mixed; boundary=b${index}\r\n\r\n--b${index}\r\n`,
    ).join('')
    for (const raw of [
      `From: MAILER-DAEMON@example.net\r\n${deep}`,
      `From: MAILER-DAEMON@example.net\r\nSubject: failure notice\r\n\r\n${'a@'.repeat(100_000)}`,
      `From: MAILER-DAEMON@example.net\r\nX-Failed-Recipients: ${'a@example.org,'.repeat(20_000)}\r\n\r\n${'<a@example.org>:\r\nno such user\r\n'.repeat(5000)}`,
      `From: a@example.net\r\nReferences: ${'<x@y> '.repeat(100_000)}\r\n\r\n${'<div>'.repeat(50_000)}`,
      `From: a@example.net\r\nContent-Type: text/html${'; a="'.repeat(50_000)}\r\n\r\nx`,
    ]) {
      const startedAt = performance.now()
      await parse(raw).catch((error) => expect(isCommsError(error)).toBe(true))
      expect(performance.now() - startedAt).toBeLessThan(3000)
    }
  }, 30_000)
})
