import type { EventFact } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { systemReport, systemReports } from '../testing/bounces-of-systems.ts'
import { OUR_ID, reply } from '../testing/mails.ts'
import { readMail } from './read-mail.ts'

const factsOf = async (raw: string): Promise<readonly EventFact[]> =>
  (await readMail(Buffer.from(raw), { account: 'sales@example.com' })).facts
const errorOf = (fact: EventFact | undefined) => (fact?.type === 'message.failed' ? fact.data.error : undefined)

describe('a bounce in words is a failure of its recipient, as', () => {
  it.each(Object.entries(systemReports))('%s writes it', async (_, report) => {
    const facts = await factsOf(systemReport(report))
    expect(facts.map(({ type, contact }) => [type, contact?.value])).toEqual([['message.failed', 'camille@example.org']])
    expect(errorOf(facts[0])?.providerCode).toBe(report.code ?? errorOf(facts[0])?.providerCode)
    if (report.class) expect(errorOf(facts[0])?.class).toBe(report.class)
    if (report.body.some((line) => line.includes(OUR_ID))) expect(facts[0]?.messageId).toBe(OUR_ID)
  })
})

describe('a mail of a person is a message, though it speaks of', () => {
  it.each([
    ['an address and an error', 'My address is alex@example.org:\r\n550 5.1.1 User unknown, says your server'],
    ['a mail that came back', 'Mail delivery failed: alex@example.org\r\nno such user'],
  ])('%s', async (_, body) => {
    expect((await factsOf(reply({ body }))).map(({ type }) => type)).toEqual(['message.received'])
  })

  it('a company that delivers mail in the name of its writer', async () => {
    const raw = reply({ from: 'Mail Delivery Service Paris <camille@example.org>', body: 'alex@example.org: no such user' })
    expect((await factsOf(raw)).map(({ type }) => type)).toEqual(['message.received'])
  })

  it('a mailer daemon in the name of its writer', async () => {
    const raw = reply({ from: 'Fan of Mailer-Daemon <camille@example.org>', body: 'alex@example.org: no such user' })
    expect((await factsOf(raw)).map(({ type }) => type)).toEqual(['message.received'])
  })
})

it('a report that nobody can read keeps its mail, whoever it says to be from', async () => {
  for (const from of ['MAILER-DAEMON', '<>', '', 'MAILER-DAEMON <>', 'Mail Delivery System']) {
    const [fact] = await factsOf(systemReport({ from, subject: 'failure notice', body: ['It did not work.'] }))
    expect([fact?.type, fact?.contact?.kind], from).toEqual(['message.received', 'other'])
    expect(fact?.data, from).toMatchObject({ flags: ['automatic', 'bounce'] })
  }
})

it('a part whose boundary begins with the boundary around it is read', async () => {
  const raw = [
    'From: MAILER-DAEMON@mx.example.net',
    'To: sales@example.com',
    'Message-ID: <r@mx.example.net>',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    '',
    '--b',
    'Content-Type: multipart/alternative; boundary="b--alt"',
    '',
    '--b--alt',
    '',
    'Not delivered.',
    '--b--alt--',
    '',
    '--b  ',
    'Content-Type: message/delivery-status',
    '',
    'Final-Recipient: rfc822; camille@example.org',
    'Action: failed',
    'Status: 5.1.1',
    '--b--',
  ].join('\r\n')
  expect((await factsOf(raw)).map(({ type, contact }) => [type, contact?.value])).toEqual([['message.failed', 'camille@example.org']])
})

it.each([
  [
    'Gmail',
    'Delivery Status Notification (Delay)',
    'There was a temporary problem with camille@example.org. Gmail will retry for 46 hours.',
  ],
  [
    'Gmail in French',
    'Delivery Status Notification (Delay)',
    'Votre message à camille@example.org : Gmail va réessayer pendant 46 heures.',
  ],
  ['Exchange in French', 'Remise retardée : Devis', 'La remise est retardée :\r\n\r\ncamille@example.org\r\n\r\nSujet : Devis'],
  ['Exchange in Italian', 'Recapito ritardato: Preventivo', 'In ritardo:\r\n\r\ncamille@example.org'],
  ['a French server', 'Remise retardée', 'La remise de votre message à camille@example.org est retardée.'],
])('a notice of %s that a mail is late is no failure of it', async (_, subject, line) => {
  const facts = await factsOf(systemReport({ from: 'mailer-daemon@mx.example.net', subject, body: [line] }))
  expect(facts.map(({ type, contact }) => [type, contact?.value])).toEqual([['message.in_transit', 'camille@example.org']])
})

it('a report in the cells of a table is read cell by cell', async () => {
  const body = ['<table><tr><td>Recipient</td><td>camille@example.org</td></tr><tr><td>Reason</td><td>Mailbox full</td></tr></table>']
  const raw = systemReport({ from: 'MAILER-DAEMON@mx.example.net', subject: 'Undeliverable', body }).replace('text/plain', 'text/html')
  expect((await factsOf(raw)).map(({ type, contact }) => [type, contact?.value])).toEqual([['message.failed', 'camille@example.org']])
})
