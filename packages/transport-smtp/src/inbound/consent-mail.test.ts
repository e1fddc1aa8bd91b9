import { createEvent, type EventFact, systemClock, uuidSource } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { OUR_ID, reply } from '../testing/mails.ts'
import { parseInboundMail } from './parse-inbound-mail.ts'

const parse = async (raw: string, unsubscribeMailto?: string): Promise<readonly EventFact[]> => {
  const facts = await parseInboundMail(raw, {
    account: 'sales@example.com',
    ...(unsubscribeMailto === undefined ? {} : { unsubscribeMailto }),
  })
  for (const fact of facts) createEvent(fact, { clock: systemClock, ids: uuidSource })
  return facts
}

/** Built by hand, after the example of https://www.rfc-editor.org/rfc/rfc5965#appendix-B.2 */
const complaint = (over: { kind?: string; recipient?: string; to?: string } = {}) =>
  [
    'From: <abusedesk@example.net>',
    'Date: Tue, 06 Jan 2026 10:30:00 +0000',
    'Subject: FW: Devis',
    'To: <sales@example.com>',
    'Message-ID: <complaint-1@example.net>',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary="part"',
    '',
    '--part',
    'Content-Type: text/plain',
    '',
    'This is an email abuse report.',
    '',
    '--part',
    'Content-Type: message/feedback-report',
    '',
    `Feedback-Type: ${over.kind ?? 'abuse'}`,
    'User-Agent: SomeGenerator/1.0',
    'Version: 1',
    'Original-Mail-From: <sales@example.com>',
    ...(over.recipient === '' ? [] : [`Original-Rcpt-To: <${over.recipient ?? 'Camille@example.org'}>`]),
    '',
    '--part',
    'Content-Type: message/rfc822',
    '',
    'From: <sales@example.com>',
    `To: ${over.to ?? '<camille@example.org>'}`,
    'Subject: Devis',
    `Message-ID: <${OUR_ID}@example.com>`,
    '',
    'Bonjour',
    '',
    '--part--',
    '',
  ].join('\r\n')

describe('a complaint', () => {
  const optedOut = {
    type: 'contact.opted_out',
    idempotencyKey: 'smtp:sales@example.com:opted-out:camille@example.org:complaint-1@example.net',
    channel: 'email',
    contact: { kind: 'email', value: 'camille@example.org' },
    messageId: OUR_ID,
    occurredAt: '2026-01-06T10:30:00.000Z',
    data: { reason: 'complaint', extra: { feedbackType: 'abuse' } },
  }

  it('is an opting-out of whom the report names', async () => {
    expect(await parse(complaint())).toMatchObject([optedOut])
  })

  it('is one of whom the message was for, when the report names nobody', async () => {
    expect(await parse(complaint({ recipient: '' }))).toMatchObject([optedOut])
  })

  it.each([
    ['says that it was no spam', complaint({ kind: 'not-spam' })],
    ['does not tell whom it is about', complaint({ recipient: '', to: 'undisclosed-recipients:;' })],
  ])('that %s is kept as a mail', async (_, raw) => {
    expect(await parse(raw)).toMatchObject([{ type: 'message.received', data: { flags: ['automatic', 'bounce'] } }])
  })
})

describe('a mail of who wants off the list', () => {
  const mailOf = (to: string, subject: string) =>
    reply()
      .replace('To: Sales <sales@example.com>', `To: ${to}`)
      .replace(/^Subject: .*$/m, `Subject: ${subject}`)
  const types = async (raw: string, mailto?: string) => (await parse(raw, mailto)).map(({ type }) => type)
  const both = ['message.received', 'contact.opted_out']

  it.each([
    ['to the address of List-Unsubscribe', 'leave@example.com', 'anything', 'leave@example.com', both],
    ['to it, as a URL', '<Leave@example.com>', 'anything', 'mailto:leave@example.com', both],
    [
      'to our own address with the subject that stands there',
      'sales@example.com',
      'Leave 17',
      'sales@example.com?subject=leave%2017',
      both,
    ],
    ['to our own address with the word itself', 'sales@example.com', 'unsubscribe', 'sales@example.com', both],
    ['with the word itself, when nothing is said', 'sales@example.com', ' Unsubscribe ', undefined, both],
    ['to our own address about something else', 'sales@example.com', 'Question', 'sales@example.com', ['message.received']],
    ['with another subject', 'sales@example.com', 'Leave me a note', 'sales@example.com?subject=leave', ['message.received']],
    ['to somebody else', 'info@example.com', 'unsubscribe', 'leave@example.com', ['message.received']],
    ['about unsubscribing', 'sales@example.com', 'How do I unsubscribe?', undefined, ['message.received']],
  ])('%s', async (_, to, subject, mailto, facts) => {
    expect(await types(mailOf(to, subject), mailto)).toEqual(facts)
  })

  it('opts out who wrote it', async () => {
    expect((await parse(mailOf('leave@example.com', 'Bye'), 'leave@example.com'))[1]).toMatchObject({
      contact: { value: 'camille@example.org' },
      data: { reason: 'unsubscribe', keyword: 'Bye' },
    })
  })
})
