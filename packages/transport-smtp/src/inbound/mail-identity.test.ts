import type { EventFact } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { bounce, OUR_ID, reply } from '../testing/mails.ts'
import { readMail } from './read-mail.ts'

const namesOf = async (raw: string) => {
  const [fact] = (await readMail(Buffer.from(raw, 'utf8'), { account: 'sales@example.com' })).facts as [EventFact]
  return [fact.idempotencyKey, fact.messageId, fact.providerMessageId]
}
const mail = (over: { subject?: string; date?: string; body?: string; headers?: readonly string[]; trace?: string } = {}) =>
  (over.trace ?? '') +
  reply({ ...(over.body === undefined ? {} : { body: over.body }), ...(over.headers ? { headers: over.headers } : {}) })
    .replace(/^Subject: .*$/m, `Subject: ${over.subject ?? 'Scan'}`)
    .replace(/^Date: .*$/m, `Date: ${over.date ?? 'Tue, 06 Jan 2026 11:05:00 +0100'}`)
const text = ['Content-Type: text/plain; charset=utf-8']
const file = (content: string, name = 'scan.pdf') => ({
  headers: ['Content-Type: multipart/mixed; boundary=b'],
  body: `--b\r\n\r\nVoici\r\n--b\r\nContent-Type: application/pdf; name=${name}\r\nContent-Disposition: attachment\r\n\r\n${content}\r\n--b--\r\n`,
})

describe('two mails with one Message-ID are two, when they differ in', () => {
  it.each([
    ['the text', mail({ body: 'Le premier' }), mail({ body: 'Le second' })],
    ['the subject', mail({ subject: 'Scan 1' }), mail({ subject: 'Scan 2' })],
    ['the date that the author gave', mail(), mail({ date: 'Tue, 06 Jan 2026 11:06:00 +0100' })],
    ['a file', mail(file('%PDF-1')), mail(file('%PDF-2'))],
    ['the name of a file', mail(file('%PDF', 'a.pdf')), mail(file('%PDF', 'b.pdf'))],
    [
      'the HTML beside the same text',
      mail({
        headers: ['Content-Type: multipart/alternative; boundary=b'],
        body: '--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>1\r\n--b--',
      }),
      mail({
        headers: ['Content-Type: multipart/alternative; boundary=b'],
        body: '--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>2\r\n--b--',
      }),
    ],
    ['the writer', mail(), mail().replace(/^From: .*$/m, 'From: alex@example.org')],
  ])('%s', async (_, one, other) => {
    const [first, second] = [await namesOf(one), await namesOf(other)]
    expect(first[0]).not.toBe(second[0])
    if (!/^From: alex/m.test(other)) expect(first[1]).not.toBe(second[1])
  })
})

describe('two deliveries of one mail are one, though they differ in', () => {
  const plain = mail({ headers: text, body: 'Déjà vu.\r\n\r\nCamille' })
  it.each([
    ['the servers they came by', plain, `Received: by b.example.com; Tue, 06 Jan 2026 10:09:00 +0000\r\nX-Spam-Score: 1\r\n${plain}`],
    [
      'the mailbox they were delivered to',
      plain,
      `Delivered-To: info@example.com\r\n${plain.replace('To: Sales <sales@example.com>', 'To: info@example.com')}`,
    ],
    ['the ends of their lines', plain, plain.replaceAll('\r\n', '\n')],
    [
      'the transfer encoding',
      plain,
      mail({
        headers: [...text, 'Content-Transfer-Encoding: base64'],
        body: Buffer.from('Déjà vu.\r\n\r\nCamille\r\n').toString('base64'),
      }),
    ],
    ['the spelling of the subject', mail({ subject: 'Devis' }), mail({ subject: '=?utf-8?B?RGV2aXM=?=' })],
    [
      'what a mailing list adds',
      plain,
      `List-Id: <team.example.org>\r\n${mail({
        subject: '[team] Scan',
        headers: text,
        body: 'Déjà vu.\r\n\r\nCamille\r\n_______________________________________________\r\nTeam mailing list\r\nhttps://lists.example.org/team',
      })}`,
    ],
    ['that one was sent on by hand', plain, `Resent-From: boss@example.com\r\nResent-Message-ID: <r@example.com>\r\n${plain}`],
  ])('%s', async (_, one, other) => {
    expect(await namesOf(other)).toEqual(await namesOf(one))
  })
})

it('a mail without a Message-ID but with a date is known by what its author wrote', async () => {
  const bare = mail().replace(/Message-ID: .*\r\n/, '')
  expect(await namesOf(`Received: by b.example.com; Tue, 06 Jan 2026 10:09:00 +0000\r\n${bare}`)).toEqual(await namesOf(bare))
  const undated = bare.replace(/Date: .*\r\n/, '')
  expect(await namesOf(`X-Other: 1\r\n${undated}`)).not.toEqual(await namesOf(undated))
})

it('two reports with one Message-ID about two messages are two', async () => {
  const about = (id: string) => bounce({ original: [`Message-ID: <${id}@example.com>`, 'To: camille@example.org'] })
  expect((await namesOf(about(OUR_ID)))[0]).not.toBe((await namesOf(about('m-2')))[0])
})
