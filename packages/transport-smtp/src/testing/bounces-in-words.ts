import { OUR_ID } from './mails.ts'

const lines = (...text: readonly string[]) => `${text.join('\r\n')}\r\n`

const ORIGINAL = [
  `Message-ID: <${OUR_ID}@example.com>`,
  'From: sales@example.com',
  'To: camille@example.org',
  'Subject: Devis',
  '',
  'Bonjour',
]

/** As qmail writes them: https://cr.yp.to/proto/qsbmf.txt */
export const qmail = lines(
  'Return-Path: <>',
  'Date: 6 Jan 2026 10:08:00 -0000',
  'From: MAILER-DAEMON@mo.example.net',
  'To: sales@example.com',
  'Subject: failure notice',
  '',
  'Hi. This is the qmail-send program at mo.example.net.',
  "I'm afraid I wasn't able to deliver your message to the following addresses.",
  "This is a permanent error; I've given up. Sorry it didn't work out.",
  '',
  '<camille@example.org>:',
  '192.0.2.10 does not like recipient.',
  'Remote host said: 550 5.1.1 <camille@example.org>: Recipient address rejected: User unknown',
  'Giving up on 192.0.2.10.',
  '',
  '<alex@example.org>:',
  "Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)",
  "I'm not going to try again; this message has been in the queue too long.",
  '',
  '--- Below this line is a copy of the message.',
  '',
  'Return-Path: <sales@example.com>',
  ...ORIGINAL,
)

export const exim = lines(
  'Return-path: <>',
  'Message-Id: <E1abcde-000001-AB@mx.example.net>',
  'Date: Tue, 06 Jan 2026 10:08:00 +0000',
  'From: Mail Delivery System <Mailer-Daemon@mx.example.net>',
  'To: sales@example.com',
  'X-Failed-Recipients: camille@example.org',
  'Auto-Submitted: auto-replied',
  'Subject: Mail delivery failed: returning message to sender',
  '',
  'This message was created automatically by mail delivery software.',
  '',
  'A message that you sent could not be delivered to one or more of its',
  'recipients. This is a permanent error. The following address(es) failed:',
  '',
  '  camille@example.org',
  '    host mx.example.org [192.0.2.10]',
  '    SMTP error from remote mail server after RCPT TO:<camille@example.org>:',
  '    552 5.2.2 Mailbox is full',
  '',
  '------ This is a copy of the message, including all the headers. ------',
  '',
  ...ORIGINAL,
)

export const eximDelayed = exim
  .replace('Mail delivery failed: returning message to sender', 'Warning: message 1abcde-000001-AB delayed 24 hours')
  .replace(
    'This is a permanent error. The following address(es) failed:',
    'No action is required on your part; delivery will continue to be tried.',
  )
  .replace('552 5.2.2 Mailbox is full', 'Connection timed out')

export const exchange = lines(
  'From: Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.org>',
  'To: sales@example.com',
  'Date: Tue, 06 Jan 2026 10:08:00 +0000',
  'Subject: Undeliverable: Devis',
  `In-Reply-To: <${OUR_ID}@example.com>`,
  'Message-ID: <ndr-1@mail.example.org>',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<html><body><p><b>Delivery has failed to these recipients or groups:</b></p>',
  '<p><a href="mailto:camille@example.org">Camille</a> (camille@example.org)<br>The e-mail address you entered could not be found.</p>',
  '<p><b>Diagnostic information for administrators:</b></p>',
  '<p>Generating server: mail.example.org</p>',
  '<p>camille@example.org<br>#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##</p>',
  '<p>Original message headers:</p>',
  '<pre>Received: from mail.example.com</pre></body></html>',
)

/** A system that tells nothing of whom or why. */
export const vague = lines(
  'From: MAILER-DAEMON@mx.example.net',
  'To: sales@example.com',
  'Subject: Something went wrong',
  'Message-ID: <vague-1@mx.example.net>',
  '',
  'We had a problem with your mail.',
)
