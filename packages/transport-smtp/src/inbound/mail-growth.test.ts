import { describe, expect, it } from 'vitest'
import { readFields } from './mime-entity.ts'
import { readMail } from './read-mail.ts'

const OPTIONS = { account: 'sales@example.com' }
const SYSTEM = 'From: MAILER-DAEMON@example.net\r\nTo: sales@example.com\r\nSubject: failure notice\r\n'
const PERSON = 'From: a@example.org\r\nTo: sales@example.com\r\nSubject: x\r\nMessage-ID: <x@example.org>\r\n'
const html = (body: string) => `${PERSON}Content-Type: text/html\r\n\r\n${body}`
const report = (fields: string) =>
  `${SYSTEM}Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n${fields}\r\n--b--\r\n`
const feedback = (fields: string) =>
  `${SYSTEM}Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n${fields}\r\n--b--\r\n`
const nested = (count: number) =>
  Array.from({ length: count }, (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`).join('')

/** Mails that are slow to parse where a parser is careless, by how often their part is repeated. */
const ADVERSARIES: Readonly<Record<string, (count: number) => string>> = {
  'a header folded over many lines': (count) => `${PERSON}X-A: a\r\n${' b\r\n'.repeat(count)}\r\nx`,
  'a field of a report folded over many lines': (count) => report(`Reporting-MTA: dns; x\r\n${' b\r\n'.repeat(count)}`),
  'a field of a complaint folded over many lines': (count) => feedback(`Feedback-Type: abuse\r\n${' b\r\n'.repeat(count)}`),
  'many headers': (count) => `${PERSON}${'X-A: a\r\n'.repeat(count)}\r\nx`,
  'many recipients of a report': (count) =>
    report('\r\nFinal-Recipient: rfc822; a@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n'.repeat(count / 4)),
  'many addresses in Cc': (count) => `${PERSON}Cc: ${'a@example.org, '.repeat(count)}\r\n\r\nx`,
  'many groups in From': (count) => `From: ${'a:;'.repeat(count)}\r\nTo: x@example.com\r\n\r\nx`,
  'many comments in From': (count) => `From: ${'('.repeat(count)}a@example.org\r\nTo: x@example.com\r\n\r\nx`,
  'many quotes in From': (count) => `From: ${'"a\\'.repeat(count)}a@example.org\r\nTo: x@example.com\r\n\r\nx`,
  'many encoded words': (count) => `${PERSON}X: y\r\nSubject: ${'=?utf-8?B?eA==?= '.repeat(count / 2)}\r\n\r\nx`,
  'many references': (count) => `${PERSON}References: ${'<x@y> '.repeat(count)}\r\n\r\nx`,
  'many parameters': (count) => `${PERSON}Content-Type: text/plain${'; a="'.repeat(count)}\r\n\r\nx`,
  'multiparts in multiparts': (count) => `${PERSON}${nested(count / 40)}`,
  'many parts': (count) => `${PERSON}Content-Type: multipart/mixed; boundary=b\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(count / 40)}`,
  'lines that look like boundaries': (count) =>
    `${PERSON}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${'--b-\r\n'.repeat(count)}`,
  'one long line': (count) => `${PERSON}\r\n${'x'.repeat(count * 5)}`,
  'blanks in quoted-printable': (count) => `${SYSTEM}Content-Transfer-Encoding: quoted-printable\r\n\r\n${' '.repeat(count * 5)}=`,
  'blanks in the quoted-printable of a report': (count) =>
    `${SYSTEM}Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${' '.repeat(count * 5)}x\r\n--b--\r\n`,
  'many signs at': (count) => `${SYSTEM}\r\n${'a@'.repeat(count)}`,
  'many addresses in words': (count) => `${SYSTEM}\r\n${'<a@example.org>:\r\nno such user\r\n'.repeat(count / 8)}`,
  'many different addresses in words': (count) =>
    `${SYSTEM}\r\n${Array.from({ length: count / 8 }, (_, n) => `<a${n}@example.org>:\r\nno such user\r\n`).join('')}`,
  'many addresses in the middle of words': (count) =>
    `${SYSTEM}\r\n${Array.from({ length: count / 8 }, (_, n) => `mail to a${n}@example.org failed\r\n`).join('')}`,
  'many codes': (count) => `${SYSTEM}\r\n<a@example.org>:\r\n${'550-'.repeat(count)}\r\n${'5.5.5.'.repeat(count)}`,
  'underscores of a list': (count) => `${PERSON}List-Id: <l.example.org>\r\n\r\n${'________\r\n'.repeat(count / 2)}x`,
  paragraphs: (count) => html('<p>x'.repeat(count)),
  'cells of a table': (count) => html(`<table><tr>${'<td>x</td>'.repeat(count / 2)}</table>`),
  'elements in elements': (count) => html('<div>'.repeat(count)),
  'tables in tables': (count) => html('<table><tr><td>'.repeat(count / 3)),
  'signs of an element': (count) => html('<'.repeat(count * 5)),
  entities: (count) => html('&amp;'.repeat(count)),
  links: (count) => html('<a href=x>y</a>'.repeat(count / 3)),
  'a charset that does not exist': (count) =>
    `${PERSON}Content-Type: text/plain; charset=x-${'y'.repeat(200)}\r\n\r\n${'\u00e9'.repeat(count)}`,
  'a charset with states': (count) =>
    `${PERSON}Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n${'\u001b$B$O\u001b(B'.repeat(count / 2)}`,
}

const SMALL = 20_000
/** Milliseconds of processor time: other processes of the machine do not count. The quickest of three, without pauses for memory. */
const timeOf = async (raw: string): Promise<number> => {
  const bytes = Buffer.from(raw)
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < 3; run++) {
    const before = process.cpuUsage()
    await readMail(bytes, OPTIONS).catch(() => {})
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1_000)
  }
  return best
}

describe('the time to parse a mail grows no faster than its size, with', () => {
  it.each(Object.entries(ADVERSARIES))('%s', { retry: 2, timeout: 60_000 }, async (_, make) => {
    const small = await timeOf(make(SMALL))
    const large = await timeOf(make(SMALL * 4))
    // Four times the size: 4 for linear, 4.6 for n log n, 16 for quadratic. Short times are mostly noise.
    expect(large).toBeLessThan(Math.max(small, 15) * 10)
    expect(large).toBeLessThan(2_000)
  })
})

it('a field folded over 220,000 lines is read at once', () => {
  const startedAt = performance.now()
  expect(readFields(`X-A: a\r\n${' b\r\n'.repeat(220_000)}`)).toHaveLength(1)
  expect(performance.now() - startedAt).toBeLessThan(500)
})

describe('a mail over a limit is refused with the limit:', () => {
  it.each([
    ['a header of 300 kB', `${PERSON}X-A: ${'a'.repeat(300_000)}\r\n\r\nx`, 'a header of at most 262144 bytes'],
    ['1,500 headers', `${PERSON}${'X-A: a\r\n'.repeat(1_500)}\r\nx`, 'at most 1000 header fields'],
  ])('%s', async (_, raw, message) => {
    await expect(readMail(Buffer.from(raw), OPTIONS)).rejects.toMatchObject({
      code: 'webhook_unparsable',
      message: expect.stringContaining(message),
    })
  })
})

it('a report on 1,500 recipients makes 1,000 facts, and the first counts the others', async () => {
  const blocks = Array.from(
    { length: 1_500 },
    (_, n) => `\r\nFinal-Recipient: rfc822; a${n}@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n`,
  )
  const { facts } = await readMail(Buffer.from(report(blocks.join(''))), OPTIONS)
  expect(facts).toHaveLength(1_000)
  expect(facts[0]?.data).toMatchObject({ extra: { recipientsLeftOut: 500 } })
})

it('a mail with 150 files lists 100, and counts the others', async () => {
  const file = '--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment\r\n\r\nx\r\n'
  const raw = `${PERSON}Content-Type: multipart/mixed; boundary=b\r\n\r\n${file.repeat(150)}--b--\r\n`
  const [fact] = (await readMail(Buffer.from(raw), OPTIONS)).facts
  expect(fact?.type === 'message.received' && fact.data.media).toHaveLength(100)
  expect(fact?.data).toMatchObject({ extra: { filesLeftOut: 50 } })
})
