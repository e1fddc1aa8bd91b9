import { createEvent, type EventFact, systemClock, uuidSource } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { reply } from '../testing/mails.ts'
import { readMail } from './read-mail.ts'

const only = async (raw: string): Promise<EventFact> => {
  const { facts } = await readMail(Buffer.from(raw), { account: 'sales@example.com' })
  for (const fact of facts) createEvent(fact, { clock: systemClock, ids: uuidSource })
  expect(facts).toHaveLength(1)
  return facts[0] as EventFact
}
const from = (value: string, headers: readonly string[] = []) =>
  headers.map((header) => `${header}\r\n`).join('') +
  reply()
    .replace(/^Return-Path: .*\r\n/, '')
    .replace(/^From: .*$/m, `From: ${value}`)

describe('a mail is a message of its writer, whose From is', () => {
  it.each([
    ['a long address of a relay', `reply+${'0a1b2c3d4e5f'.repeat(8)}@reply.example.org`],
    ['in a domain with an underscore', 'Camille <camille@mail_2.example.org>'],
    ['a quoted local part', '"camille martin"@example.org'],
    ['without a dot in its domain', 'camille@intranet'],
    ['in brackets of an address literal', 'Camille <camille@[192.0.2.1]>'],
    ['an encoded word as a whole', '=?utf-8?B?IkNhbWlsbGUiIDxjYW1pbGxlQGV4YW1wbGUub3JnPg==?='],
    ['an encoded address alone', '=?utf-8?Q?camille=40example=2Eorg?='],
    ['in a group', 'Sales team: Camille <camille@example.org>;'],
    ['two people', 'Camille <camille@example.org>, alex@example.org'],
    ['a name alone', 'Camille Martin'],
  ])('%s', async (_, value) => {
    const fact = await only(from(value))
    expect(fact).toMatchObject({ type: 'message.received', data: { text: "D'accord, merci.\n" } })
    expect(fact.contact?.raw.toLowerCase()).toMatch(/camille|reply\+/)
  })

  it.each([
    ['empty', '', ['Sender: camille@example.org']],
    ['nobody', 'undisclosed-recipients:;', ['Reply-To: Camille <camille@example.org>']],
    ['a name alone', 'Camille', ['Return-Path: <camille@example.org>']],
  ])('%s, by another header', async (_, value, headers) => {
    expect((await only(from(value, headers))).contact?.value).toBe('camille@example.org')
  })
})

describe('a mail stays a message when one of its other parts is broken:', () => {
  const broken: Readonly<Record<string, (raw: string) => string>> = {
    'Date is no date': (raw) => raw.replace(/^Date: .*$/m, 'Date: yesterday'),
    'Date is far away': (raw) => raw.replace(/^Date: .*$/m, 'Date: Tue, 06 Jan 99999 11:05:00 +0100'),
    'Received is no date': (raw) => raw.replace(/^Received: .*$/m, 'Received: x; y'),
    'there is no date at all': (raw) => raw.replace(/^(Date|Received): .*\r\n/gm, ''),
    'Message-ID has no form': (raw) => raw.replace(/^Message-ID: .*$/m, 'Message-ID: a b c'),
    'Message-ID is longer than any': (raw) => raw.replace(/^Message-ID: .*$/m, `Message-ID: <${'a'.repeat(2_000)}@example.org>`),
    'References are words': (raw) => raw.replace(/^References: .*$/m, 'References: your letter of Monday'),
    'References are too many': (raw) => raw.replace(/^References: .*$/m, `References: ${'<a@example.org> '.repeat(5_000)}`),
    'In-Reply-To is empty': (raw) => raw.replace(/^In-Reply-To: .*$/m, 'In-Reply-To: <>'),
    'Reply-To is no address': (raw) => `Reply-To: \u0001;;;\r\n${raw}`,
    'Subject holds NUL and a broken encoded word': (raw) => raw.replace(/^Subject: .*$/m, 'Subject: a\u0000=?utf-8?B?%%%?= =?x?Q?=E?='),
    'To is no address': (raw) => raw.replace(/^To: .*$/m, 'To: <<>>, "'),
    'its charset does not exist': (raw) => raw.replace('charset=utf-8', 'charset=x-none'),
    'its transfer encoding does not exist': (raw) => raw.replace('quoted-printable', 'x-none'),
    'its boundary is missing': (raw) => raw.replace('text/plain; charset=utf-8', 'multipart/mixed'),
    'its content type is nothing': (raw) => raw.replace('text/plain; charset=utf-8', ';;;'),
    'the name of its writer holds NUL': (raw) => raw.replace(/^From: .*$/m, 'From: "a\u0000b" <camille@example.org>'),
    'a file has neither name nor type': (raw) =>
      raw
        .replace('text/plain; charset=utf-8', 'multipart/mixed; boundary=b')
        .replace(
          /\r\n\r\n[\s\S]*$/,
          '\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type:\r\nContent-Disposition: attachment\r\nContent-ID: <>\r\n\r\ny\r\n--b--\r\n',
        ),
  }
  it.each(Object.entries(broken))('%s', async (_, breakIt) => {
    const raw = breakIt(reply())
    expect(raw).not.toBe(reply())
    expect(await only(raw)).toMatchObject({ type: 'message.received', contact: { value: 'camille@example.org' } })
  })
})

it('a mail in HTML alone has its text, also beside pictures', async () => {
  const body = '--b\r\nContent-Type: text/html\r\n\r\n<p>Oui</p>\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <p>\r\n\r\nx\r\n--b--\r\n'
  const fact = await only(reply({ headers: ['Content-Type: multipart/related; boundary=b'], body }))
  expect(fact.type === 'message.received' && fact.data.text?.trim()).toBe('Oui')
})

it.each([
  ['x-unknown', 'D\u00e9j\u00e0', 'Déjà'],
  ['"ansi"', 'D\u00e9j\u00e0', 'Déjà'],
  ['cp850', 'D\u0082j\u0085', 'Déjà'],
  ['utf-8', 'D\u00e9j\u00e0', 'Déjà'],
  ['us-ascii', 'D\u00e9j\u00e0', 'Déjà'],
  ['utf-8', 'D\u00c3\u00a9j\u00c3\u00a0 \u00c3', 'Déjà \ufffd'],
])('a mail in charset %s is read as what it most likely is', async (charset, body, text) => {
  const headers = [`Content-Type: text/plain; charset=${charset}`, 'Content-Transfer-Encoding: 8bit']
  const { facts } = await readMail(Buffer.from(reply({ headers, body }), 'latin1'), { account: 'sales@example.com' })
  expect(facts[0]?.type === 'message.received' && facts[0].data.text?.trim()).toBe(text)
})

it.each([
  "'camille@example.org'",
  "<'camille@example.org'>",
  'Camille [mailto:camille@example.org]',
  '"Camille <camille@example.org>',
  '\\"Camille\\" <camille@example.org>',
])('a mail from %s is from that address', async (from) => {
  expect((await only(reply({ from }))).contact).toMatchObject({ kind: 'email', value: 'camille@example.org' })
})

it.each(['', '; charset=utf-8', '; format=flowed; charset="us-ascii"'])(
  'a part with text/plain%s that is no UTF-8 is read as windows-1252',
  async (more) => {
    const body = `--b\r\nContent-Type: text/plain${more}\r\nContent-Transfer-Encoding: 8bit\r\n\r\nD\u00e9j\u00e0\r\n--b--\r\n`
    const raw = Buffer.from(reply({ headers: ['Content-Type: multipart/alternative; boundary=b'], body }), 'latin1')
    const { facts } = await readMail(raw, { account: 'sales@example.com' })
    expect(facts[0]?.type === 'message.received' && facts[0].data.text?.trim()).toBe('Déjà')
  },
)
