import { createComms, memoryEventStore } from '@pipe-comms/core'
import { expect, it } from 'vitest'
import { smtpTransport } from '../index.ts'

const TOKEN = 'inbound-token-for-tests'

/** A report of a failed delivery, as a mail system sends it to us. */
function report(messageId: string, to: string, fields: string): string {
  const mail = `Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: Sales <sales@example.com>
Subject: Undelivered Mail Returned to Sender
Message-ID: <dsn1@mx.example.net>
Date: Tue, 06 Jan 2026 11:05:00 +0100
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Not delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

${fields}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b
Content-Type: text/rfc822-headers

Message-ID: <${messageId}@example.com>
From: sales@example.com
To: ${to}

--b--
`
  return mail.replaceAll('\n', '\r\n')
}

it.each([
  ['the address it was sent to', 'camille@example.org', 'Final-Recipient: rfc822; camille@example.org'],
  ['the mailbox behind a forward', 'camille@example.org', 'Final-Recipient: rfc822; c.martin@mailbox.example.net'],
  ['the address without its plus tag', 'alex+2026@example.org', 'Final-Recipient: rfc822; alex@example.org'],
  ['a plus tag that looks encoded', 'alex+2026@example.org', 'Original-Recipient: rfc822;alex+2026@example.org'],
])('a report of failure that names %s reaches the message', async (_, to, fields) => {
  const smtp = smtpTransport({ host: 'smtp.example.com', from: 'sales@example.com', inboundToken: TOKEN })
  const send = async ({ messageId }: { messageId: string }) => ({ providerMessageId: `${messageId}@example.com` })
  const comms = createComms({ store: memoryEventStore(), transports: [{ ...smtp, send }] })
  comms.start()
  const { messageId } = await comms.send({ channel: 'email', to, content: { subject: 'Devis', text: 'Bonjour' } }, { waitFor: 'sent' })
  const request = new Request(`https://comms.example.com${smtp.webhooks?.[0]?.path}`, {
    method: 'POST',
    body: report(messageId, to, fields),
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'message/rfc822' },
  })
  expect((await comms.handle(request)).status).toBe(200)
  expect(await comms.message(messageId)).toMatchObject({ status: 'failed', streamId: `email:${to}` })
  await comms.close()
})
