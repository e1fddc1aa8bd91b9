/** Mails as they come in, each header and body built by hand so that nothing but the parser reads them. */
const lines = (...text: readonly string[]) => `${text.join('\r\n')}\r\n`

export const OUR_ID = '019b92d0-7a00-7000-8000-0000000000a1'

export function reply(over: { id?: string; from?: string; body?: string; headers?: readonly string[] } = {}): string {
  return lines(
    'Return-Path: <Camille@example.org>',
    'Received: from mx.example.org by mx.example.com with ESMTPS; Tue, 06 Jan 2026 10:05:03 +0000',
    `From: ${over.from ?? '=?UTF-8?Q?Camille_Mart=C3=ADn?= <Camille@example.org>'}`,
    'To: Sales <sales@example.com>',
    'Subject: Re: =?UTF-8?Q?D=C3=A9vis?=',
    `In-Reply-To: <${OUR_ID}@example.com>`,
    `References: <first@example.com> <${OUR_ID}@example.com>`,
    `Message-ID: <${over.id ?? 'reply-1@example.org'}>`,
    'Date: Tue, 06 Jan 2026 11:05:00 +0100',
    'MIME-Version: 1.0',
    ...(over.headers ?? ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: quoted-printable']),
    '',
    over.body ?? 'D=27accord, merci.',
  )
}

export function vacation(headers: readonly string[] = ['Auto-Submitted: auto-replied', 'Precedence: bulk']): string {
  return lines(
    'Return-Path: <>',
    'From: Camille <camille@example.org>',
    'To: sales@example.com',
    'Subject: Absente',
    `In-Reply-To: <${OUR_ID}@example.com>`,
    ...headers,
    'Message-ID: <vacation-1@example.org>',
    'Date: Tue, 06 Jan 2026 10:06:00 +0000',
    'Content-Type: text/plain; charset=utf-8',
    '',
    'Je suis absente.',
  )
}

export interface ReportedRecipient {
  readonly fields: readonly string[]
}

export const failed: ReportedRecipient = {
  fields: [
    'Original-Recipient: rfc822;camille@example.org',
    'Final-Recipient: rfc822; c.martin@mailbox.example.net',
    'Action: failed',
    'Status: 5.1.1',
    'Remote-MTA: dns; mx.example.org',
    'Diagnostic-Code: smtp; 550 5.1.1 <camille@example.org>: Recipient address',
    ' rejected: User unknown',
  ],
}

/** A report as Postfix writes it. */
export function bounce(
  over: { recipients?: readonly ReportedRecipient[]; perMessage?: readonly string[]; original?: readonly string[]; from?: string } = {},
): string {
  const { recipients = [failed], perMessage = [], from = 'MAILER-DAEMON@mx.example.net (Mail Delivery System)' } = over
  const original = over.original ?? [`Message-ID: <${OUR_ID}@example.com>`, 'From: sales@example.com', 'To: camille@example.org']
  return lines(
    'Return-Path: <>',
    'Received: by mx.example.net (Postfix) id 1A2B3C; Tue, 06 Jan 2026 10:07:00 +0000 (UTC)',
    'Date: Tue, 06 Jan 2026 10:07:00 +0000 (UTC)',
    `From: ${from}`,
    'Subject: Undelivered Mail Returned to Sender',
    'To: sales@example.com',
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    ' boundary="1A2B3C.1767/mx.example.net"',
    'Message-Id: <20260106100700.1A2B3C@mx.example.net>',
    '',
    'This is a MIME-encapsulated message.',
    '',
    '--1A2B3C.1767/mx.example.net',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'This is the mail system at host mx.example.net.',
    '',
    '--1A2B3C.1767/mx.example.net',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.net',
    ...perMessage,
    'Arrival-Date: Tue, 06 Jan 2026 10:06:59 +0000 (UTC)',
    ...recipients.flatMap(({ fields }) => ['', ...fields]),
    '',
    '--1A2B3C.1767/mx.example.net',
    'Content-Type: text/rfc822-headers',
    '',
    ...original,
    '',
    '--1A2B3C.1767/mx.example.net--',
  )
}

/** Built by hand, after the example of https://www.rfc-editor.org/rfc/rfc5965#appendix-B.2 */
export function complaint(over: { kind?: string; recipient?: string; to?: string; original?: readonly string[] } = {}): string {
  return lines(
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
    ...(over.kind === '' ? [] : [`Feedback-Type: ${over.kind ?? 'abuse'}`]),
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
    ...(over.original ?? [`Message-ID: <${OUR_ID}@example.com>`]),
    '',
    'Bonjour',
    '',
    '--part--',
  )
}

/** A complaint as Outlook.com sends it: https://sendersupport.olc.protection.outlook.com/snds/JMRPFAQ.aspx */
export function junkMailReport(original: readonly string[] = [`Message-ID: <${OUR_ID}@example.com>`]): string {
  return lines(
    'From: staff@hotmail.com',
    'To: sales@example.com',
    'Subject: complaint about message from 192.0.2.10',
    'Date: Tue, 06 Jan 2026 10:30:00 +0000',
    'Message-ID: <jmrp-1@example.net>',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="b"',
    '',
    '--b',
    'Content-Type: message/rfc822',
    'Content-Disposition: inline',
    '',
    'X-HmXmrOriginalRecipient: <Camille@example.org>',
    'From: sales@example.com',
    'To: camille@example.org',
    'Subject: Devis',
    ...original,
    '',
    'Bonjour',
    '',
    '--b--',
  )
}
