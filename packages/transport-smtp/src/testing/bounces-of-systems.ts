import { OUR_ID } from './mails.ts'

/**
 * Reports in the words of mail systems that do not write RFC 3464, each made after the form of its system. Every one is about
 * camille@example.org.
 */
interface SystemReport {
  readonly from: string
  readonly subject: string
  readonly body: readonly string[]
  readonly code?: string
  readonly class?: string
}

const COPY = [`Message-ID: <${OUR_ID}@example.com>`, 'From: sales@example.com', 'To: camille@example.org', 'Subject: Devis']

export const systemReports: Readonly<Record<string, SystemReport>> = {
  'dma, with an empty From': {
    from: 'MAILER-DAEMON <>',
    subject: 'Mail delivery failed',
    body: [
      'This is the DragonFly Mail Agent v0.13 at mx.example.net.',
      '',
      'There was an error delivering your mail to <camille@example.org>.',
      '',
      'mx.example.org [192.0.2.10] did not like our RCPT TO:',
      '550 5.1.1 <camille@example.org>: Recipient address rejected: User unknown',
      '',
      'Original message headers follow.',
      '',
      ...COPY,
    ],
    code: '5.1.1',
    class: 'recipient',
  },
  'dma, whose host was not found': {
    from: '<>',
    subject: 'Mail delivery failed',
    body: [
      'This is the DragonFly Mail Agent v0.13 at mx.example.net.',
      '',
      'There was an error delivering your mail to <camille@example.org>.',
      '',
      'No mx record found for domain example.org',
      '',
      'Message headers follow.',
      '',
      ...COPY,
    ],
    class: 'recipient',
  },
  'Zoho, address and reason in one line': {
    from: 'mailer-daemon@mail.example.net',
    subject: 'Undelivered Mail Returned to Sender',
    body: [
      'This message was created automatically by mail delivery software.',
      'A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.',
      '',
      'camille@example.org Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <camille@example.org>... User Unknown',
    ],
    code: '5.1.1',
    class: 'recipient',
  },
  'Zoho, in brackets': {
    from: 'mailer-daemon@mail.example.net',
    subject: 'Undelivered Mail Returned to Sender',
    body: [
      'This message was created automatically.',
      '',
      '[Status: Error, Address: <camille@example.org>, ResponseCode 550, , Mailbox not found.]',
    ],
    class: 'recipient',
  },
  'Amazon WorkMail, with the fields of a report in its text': {
    from: 'MAILER-DAEMON@eu-west-1.mail.example.net',
    subject: 'Delivery Status Notification (Failure)',
    body: [
      'An error occurred while trying to deliver the mail to the following recipients:',
      'camille@example.org',
      '',
      'Technical report:',
      '',
      'Reporting-MTA: dsn; out.mail.example.net',
      '',
      'Action: failed',
      'Final-Recipient: rfc822; camille@example.org',
      'Diagnostic-Code: smtp; 550 5.1.1 User Unknown',
      'Status: 5.1.1',
    ],
    code: '5.1.1',
    class: 'recipient',
  },
  'IONOS, the reason two paragraphs on': {
    from: 'Mail Delivery System <mailer-daemon@kundenserver.example.net>',
    subject: 'Mail delivery failed: returning message to sender',
    body: [
      'This message was created automatically by mail delivery software.',
      '',
      'A message that you sent could not be delivered to one or more of',
      'its recipients. The following addresses failed:',
      '',
      '"camille@example.org":',
      '',
      'SMTP error from remote server for TEXT command,',
      'host: smtp-in.example.org (192.0.2.10)',
      '',
      'reason: 550 5.2.0 Mail rejete. Mail rejected. ofr_506 [506]',
      '',
      '--- The header of the original message is following. ---',
      '',
      ...COPY,
    ],
    code: '5.2.0',
    class: 'policy',
  },
  'Exchange 2003': {
    from: 'System Administrator <postmaster@example.net>',
    subject: 'Undeliverable: Devis',
    body: [
      'Your message',
      '',
      '  To:      camille@example.org',
      '  Subject: Devis',
      '  Sent:    Tue, 6 Jan 2026 10:08:00 +0100',
      '',
      'did not reach the following recipient(s):',
      '',
      'camille@example.org on Tue, 6 Jan 2026 10:08:01 +0100',
      '    The recipient name is not recognized',
      '        The MTS-ID of the original message is: c=US;a= ;p=Example;l=EXAMPLE-000001',
      '    MSEXCH:IMS:Example:EXAMPLE:MX 0 (000C05A6) Unknown Recipient',
    ],
    class: 'recipient',
  },
  IMail: {
    from: '"Postmaster" <postmaster@mail.example.net>',
    subject: 'Undeliverable Mail',
    body: [
      'Unknown user: camille@example.org',
      '',
      'RCPT TO generated following response:',
      '550 camille@example.org: User unknown',
      '',
      'Original message follows.',
      '',
      ...COPY,
    ],
    class: 'recipient',
  },
  'TrendMicro InterScan': {
    from: '"InterScan MSS" <mail-daemon@scan.example.net>',
    subject: 'Mail could not be delivered',
    body: [
      'Unable to deliver message to <camille@example.org>',
      '',
      'Sent >>> RCPT TO:<camille@example.org>',
      'Received <<< 550 5.1.1 <camille@example.org>... user unknown',
    ],
    code: '5.1.1',
    class: 'recipient',
  },
  'Yahoo, without a mail server': {
    from: 'MAILER-DAEMON@yahoo.example',
    subject: 'Failure Notice',
    body: [
      'Sorry, we were unable to deliver your message to the following address.',
      '',
      '<camille@example.org>:',
      'No mx record found for domain=example.org',
      '',
      '--- Below this line is a copy of the message.',
      '',
      ...COPY,
    ],
    class: 'recipient',
  },
  'a daemon without a domain': {
    from: 'MAILER-DAEMON (Mail Delivery System)',
    subject: 'failure notice',
    body: [
      '<camille@example.org>: host mx.example.org said: 550 5.1.1 No such user here',
      '',
      '------ This is a copy of the message, including all the headers. ------',
      '',
      ...COPY,
    ],
    code: '5.1.1',
    class: 'recipient',
  },
  'a system with a name alone': {
    from: '"Mail Delivery System"',
    subject: 'Undelivered Mail Returned to Sender',
    body: ['camille@example.org', '    550 5.2.2 Mailbox full'],
    code: '5.2.2',
    class: 'recipient',
  },
  'a French server, without a code': {
    from: 'MAILER-DAEMON@mx.example.fr',
    subject: 'failure notice',
    body: [
      'Votre message n\u2019a pas pu \u00eatre remis.',
      '',
      '<camille@example.org>:',
      'Cette bo\u00eete aux lettres n\u2019existe plus.',
      '',
      '--- Message d\u2019origine ci-joint.',
    ],
    class: 'recipient',
  },
  'a French server, whose recipient is full': {
    from: 'MAILER-DAEMON@mx.example.fr',
    subject: '=?utf-8?Q?=C3=89chec_de_la_remise?=',
    body: [
      'Le message suivant :',
      '',
      'camille@example.org : la boite aux lettres du destinataire est pleine',
      '',
      '---- Copie du message ----',
      '',
      ...COPY,
    ],
    class: 'recipient',
  },
  'a French postmaster, with an encoded subject': {
    from: 'postmaster@example.org',
    subject: '=?utf-8?B?Tm9uIHJlbWlzIDogRGV2aXMgw6Agc2lnbmVy?=',
    body: ['Votre message n\u2019a pas \u00e9t\u00e9 remis :', '', 'camille@example.org', '550 5.1.1 User unknown'],
    code: '5.1.1',
    class: 'recipient',
  },
  'a French server that could not reach the other in time': {
    from: 'Postmaster <postmaster@mx.example.fr>',
    subject: '=?iso-8859-1?Q?Message_non_distribu=E9?=',
    body: ['Destinataire : camille@example.org', 'Motif : d\u00e9lai d\u00e9pass\u00e9, le serveur est injoignable'],
  },
}

export function systemReport({ from, subject, body }: SystemReport): string {
  return [
    'Return-Path: <>',
    'Received: from mx.example.net by mx.example.com with ESMTPS; Tue, 06 Jan 2026 10:08:03 +0000',
    `From: ${from}`,
    'To: Sales <sales@example.com>',
    `Subject: ${subject}`,
    'Message-ID: <report-1@mx.example.net>',
    'Date: Tue, 06 Jan 2026 10:08:00 +0000',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...body,
    '',
  ].join('\r\n')
}
