import { type ContactAddress, createEvent, type EventFact, parseContactAddress, systemClock, uuidSource } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { complaint, junkMailReport, OUR_ID, reply } from '../testing/mails.ts'
import { unsubscribeToken } from '../unsubscribe-token.ts'
import { type InboundMailOptions, isAutomaticMail, parseInboundMail } from './parse-inbound-mail.ts'

/** The log knows one message, to camille@example.org. */
const recipientOf = async (messageId: string): Promise<ContactAddress | undefined> =>
  messageId === OUR_ID ? parseContactAddress('camille@example.org') : undefined

const parse = async (raw: string, options: Partial<InboundMailOptions> = {}): Promise<readonly EventFact[]> => {
  const facts = await parseInboundMail(raw, { account: 'sales@example.com', recipientOf, ...options })
  for (const fact of facts) createEvent(fact, { clock: systemClock, ids: uuidSource })
  return facts
}
const types = async (raw: string, options: Partial<InboundMailOptions> = {}) => (await parse(raw, options)).map(({ type }) => type)
const flagsOf = ([fact]: readonly EventFact[]) => (fact?.type === 'message.received' ? (fact.data.flags ?? []) : [])

describe('a complaint', () => {
  const optedOut = {
    type: 'contact.opted_out',
    idempotencyKey: expect.stringMatching(/^smtp:sales@example\.com:opted-out:camille@example\.org:complaint-1@example\.net#[0-9a-f]{16}$/),
    channel: 'email',
    contact: { kind: 'email', value: 'camille@example.org' },
    messageId: OUR_ID,
    occurredAt: '2026-01-06T10:30:00.000Z',
    data: { reason: 'complaint', extra: { feedbackType: 'abuse' } },
  }

  it('opts out who it names when it holds a message of ours that was sent to them', async () => {
    expect(await parse(complaint())).toMatchObject([optedOut])
  })

  it('that names nobody opts out who the message was sent to', async () => {
    expect(await parse(complaint({ recipient: '' }))).toMatchObject([optedOut])
    expect(await parse(complaint({ recipient: '', to: 'undisclosed-recipients:;' }))).toMatchObject([optedOut])
  })

  it('of Outlook.com opts out, though it is no feedback report', async () => {
    expect(await parse(junkMailReport())).toMatchObject([
      { ...optedOut, idempotencyKey: expect.any(String), occurredAt: expect.any(String) },
    ])
  })

  const unproven = { 'names somebody else': complaint({ recipient: 'victim@example.net' }) }
  it.each([
    ['about somebody the message was not sent to', unproven['names somebody else']],
    ['without a Message-ID', complaint({ original: [] })],
    ['with a Message-ID that the log does not know', complaint({ original: ['Message-ID: <msg_invented@example.com>'] })],
    ['with a Message-ID of another domain', complaint({ original: [`Message-ID: <${OUR_ID}@example.net>`] })],
    ['of a type that no list has', complaint({ kind: 'x-angry' })],
    ['without a type', complaint({ kind: '' })],
    ['of Outlook.com with an invented Message-ID', junkMailReport(['Message-ID: <msg_invented@example.com>'])],
  ])('%s opts nobody out and is left to a person', async (_, raw) => {
    const facts = await parse(raw)
    expect(facts.map(({ type }) => type)).toEqual(['message.received'])
    expect(flagsOf(facts)).toContain('complaint-unproven')
  })

  it('that is not proven says what it claims', async () => {
    expect(await parse(unproven['names somebody else'])).toMatchObject([
      {
        contact: { value: 'abusedesk@example.net' },
        data: { extra: { complaint: { contact: 'victim@example.net', messageId: OUR_ID, feedbackType: 'abuse' } } },
      },
    ])
  })

  it('opts nobody out while nothing can prove it', async () => {
    const facts = await parseInboundMail(complaint(), { account: 'sales@example.com' })
    expect(facts.map(({ type }) => type)).toEqual(['message.received'])
  })

  it('is not lost when the log cannot be read', async () => {
    const away = () => Promise.reject(new Error('the database is away'))
    await expect(parse(complaint(), { recipientOf: away })).rejects.toThrow('the database is away')
  })

  it.each(['not-spam', 'auth-failure', 'virus', 'fraud', 'Auth-Failure', 'dkim', 'auth-failure (dmarc)'])(
    'is not a report of type %s',
    async (kind) => {
      const facts = await parse(complaint({ kind }))
      expect(facts.map(({ type }) => type)).toEqual(['message.received'])
      expect(flagsOf(facts)).toEqual(['automatic'])
    },
  )
})

it('a DMARC aggregate report is a mail of a machine', async () => {
  const raw = reply().replace(/^Subject: .*$/m, 'Subject: Report Domain: example.com Submitter: example.net Report-ID: <1>')
  const [fact] = await parse(raw)
  expect(fact?.type === 'message.received' && isAutomaticMail(fact.data)).toBe(true)
})

const mailOf = (to: string, subject: string, headers: readonly string[] = []) =>
  headers.map((header) => `${header}\r\n`).join('') +
  reply()
    .replace('To: Sales <sales@example.com>', `To: ${to}`)
    .replace(/^Subject: .*$/m, `Subject: ${subject}`)
const PASS = 'Authentication-Results: mx.example.com; dmarc=pass (p=none) header.from=example.org'
const both = ['message.received', 'contact.opted_out']

describe('a mail of who wants off the list', () => {
  it.each([
    ['to the address of List-Unsubscribe', 'leave@example.com', 'anything', 'leave@example.com'],
    ['to it, as a URL', '<Leave@example.com>', 'anything', 'mailto:leave@example.com'],
    ['to it without the token', 'leave@example.com', 'anything', 'leave+{token}@example.com'],
    ['to our own address with the subject that is there', 'sales@example.com', 'Leave 17', 'sales@example.com?subject=leave%2017'],
    ['to our own address with the word itself', 'sales@example.com', 'unsubscribe', 'sales@example.com'],
    ['with the word itself, when no address is set', 'sales@example.com', ' Unsubscribe ', undefined],
    ['in French', 'sales@example.com', 'Désinscription', undefined],
  ])('%s counts from an authenticated sender alone', async (_, to, subject, mailto) => {
    const options = { ...(mailto === undefined ? {} : { unsubscribeMailto: mailto }), authservId: 'mx.example.com' }
    expect(await types(mailOf(to, subject, [PASS]), options)).toEqual(both)
    const facts = await parse(mailOf(to, subject), options)
    expect([facts.map(({ type }) => type), flagsOf(facts)]).toEqual([['message.received'], ['unsubscribe-unproven']])
  })

  it.each([
    ['to our own address about something else', 'sales@example.com', 'Question', 'sales@example.com'],
    ['with another subject', 'sales@example.com', 'Leave me a note', 'sales@example.com?subject=leave'],
    ['to somebody else', 'info@example.com', 'unsubscribe', 'leave@example.com'],
    ['about unsubscribing', 'sales@example.com', 'How do I unsubscribe?', undefined],
  ])('is not a mail %s', async (_, to, subject, mailto) => {
    const facts = await parse(mailOf(to, subject, [PASS]), {
      ...(mailto === undefined ? {} : { unsubscribeMailto: mailto }),
      authservId: 'mx.example.com',
    })
    expect([facts.map(({ type }) => type), flagsOf(facts)]).toEqual([['message.received'], []])
  })

  it.each([
    ['in the subject', 'sales@example.com', `unsubscribe ${unsubscribeToken(OUR_ID)}`],
    ['in the address', `leave+${unsubscribeToken(OUR_ID)}@example.com`, 'anything'],
  ])('with the token of a message %s opts out who the message was sent to, whatever it is sent from', async (_, to, subject) => {
    const raw = mailOf(to, subject).replace(/^From: .*$/m, 'From: private@example.net')
    expect(await parse(raw)).toMatchObject([
      { type: 'message.received', contact: { value: 'private@example.net' } },
      { type: 'contact.opted_out', contact: { value: 'camille@example.org' }, messageId: OUR_ID, data: { reason: 'unsubscribe' } },
    ])
  })

  it('with an invented token opts nobody out', async () => {
    const facts = await parse(mailOf('sales@example.com', 'unsubscribe optout-msg_invented'))
    expect([facts.map(({ type }) => type), flagsOf(facts)]).toEqual([['message.received'], ['unsubscribe-unproven']])
  })
})

describe('the sender of a mail is authenticated', () => {
  const optsOut = async (...headers: readonly string[]) =>
    (await types(mailOf('sales@example.com', 'unsubscribe', headers), { authservId: 'mx.example.com' })).length === 2

  it.each([
    ['dmarc=pass of the named server', [PASS]],
    [
      'its comments and versions aside',
      ['Authentication-Results: MX.example.com 1; spf=fail (x; y) smtp.mailfrom=a; dmarc = pass (a (b)) header.from=Example.org'],
    ],
    ['below the results of other servers', ['Authentication-Results: mx.example.net; dmarc=fail header.from=example.org', PASS]],
  ])('by %s', async (_, headers) => {
    expect(await optsOut(...headers)).toBe(true)
  })

  it.each([
    ['dmarc=fail', ['Authentication-Results: mx.example.com; dmarc=fail header.from=example.org']],
    ['another domain', ['Authentication-Results: mx.example.com; dmarc=pass header.from=example.net']],
    ['no domain', ['Authentication-Results: mx.example.com; dmarc=pass']],
    ['another server', ['Authentication-Results: mx.example.net; dmarc=pass header.from=example.org']],
    ['a server of a similar name', ['Authentication-Results: mx.example.com.example.net; dmarc=pass header.from=example.org']],
    ['a comment', ['Authentication-Results: mx.example.com; spf=fail (; dmarc=pass header.from=example.org)']],
    ['a quoted text', ['Authentication-Results: mx.example.com; spf=fail reason="; dmarc=pass header.from=example.org"']],
    ['an older header of the same server', ['Authentication-Results: mx.example.com; dmarc=fail header.from=example.org', PASS]],
    ['spf=pass alone', ['Authentication-Results: mx.example.com; spf=pass header.from=example.org']],
    ['two results', ['Authentication-Results: mx.example.com; dmarc=fail header.from=example.org; dmarc=pass header.from=example.org']],
    ['a mail with two senders', [PASS, 'From: other@example.org']],
  ])('but not by %s', async (_, headers) => {
    expect(await optsOut(...headers)).toBe(false)
  })

  it('by no server when none is named', async () => {
    expect(await types(mailOf('sales@example.com', 'unsubscribe', [PASS]))).toEqual(['message.received'])
  })
})
