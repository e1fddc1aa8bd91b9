import { describe, expect, it } from 'vitest'
import { checkOptions } from '../options.ts'
import { sendError } from './send-error.ts'

const options = checkOptions({ host: 'mail.example.com', from: 'sales@example.com' })
const refused = (response: string, command: string) =>
  sendError({ response, responseCode: Number(response.slice(0, 3)), command, code: 'EENVELOPE' }, command === 'DATA', options)

describe('a refusal of our account waits for the operator, whatever the command:', () => {
  it.each([
    '554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; Failed to process message',
    '554 5.2.252 SendAsDenied; sales@example.com not allowed to send as info@example.com',
    '550 5.7.60 SMTP; Client does not have permissions to send as this sender',
    '550 5.7.1 Client does not have permission to send on behalf of the from address',
    '554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message due to a permanent exception',
    '550 5.1.8 Access denied, bad outbound sender AS(42004)',
    '550 5.7.501 Access denied, spam abuse detected. The sending account has been banned; your account is restricted',
    '553 5.7.1 <info@example.com>: Sender address rejected: not owned by user sales@example.com',
    '553 5.7.1 Sender address rejected: not logged in',
    '550 5.1.0 Emetteur invalide. Invalid Sender.',
    '554 5.7.1 Relay access denied',
    '550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain',
    '530 5.7.0 Authentication required',
    '550 Your account has been suspended',
    '550 5.7.1 votre compte est suspendu',
    '554 5.7.1 The From address does not match the authenticated user',
    '554 Message rejected: Email address is not verified. The following identities failed the check',
    '550 5.5.3 Mail from not owned by user',
    '550 5.7.501 Service unavailable. Access denied, spam abuse detected from sending mailbox',
    '550 5.7.502 Access denied, banned sender',
    '550 5.7.705 Access denied, tenant has exceeded threshold',
    '550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains',
    '550-5.7.1 Invalid credentials for relay [192.0.2.1]',
    '554 Message rejected: Sending paused for this account.',
    '554 Access denied: User is not authorized to perform `ses:SendRawEmail`',
    '550 Unauthenticated senders not allowed',
    '550 5.7.1 Domain example.com is not allowed to send: Free accounts are for test purposes only',
    '525 5.7.1 Unauthorized IP address',
    '554 5.7.1 Votre boite mail a été bloquée pour envoi de spam',
    '550 5.7.1 account blocked for spam',
    '550 SMTP access disabled for this account',
  ])('%s', (response) => {
    for (const command of ['RCPT TO', 'DATA'])
      expect(refused(response, command), command).toMatchObject({ code: 'transport_misconfigured' })
  })
})

describe('too much sent is tried again in an hour:', () => {
  it.each([
    '550 5.4.5 Daily SMTP relay limit exceeded for user',
    '550 5.4.5 Daily user sending limit exceeded',
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
    '550 5.7.1 Daily relay quota exceeded',
    '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException',
    '452 4.3.1 sending limit reached, 200 per hour',
    '550 Too many recipients per day',
    '550 5.7.0 Hourly sending quota exceeded',
    '550 Quota de messages envoyés par heure dépassé',
    '550 Too many messages sent from this account',
    '550 Domain example.com has exceeded the max emails per hour (200/200 (100%)) allowed. Message discarded.',
    '554 5.7.0 Your message could not be sent. The limit on the number of allowed outgoing messages was exceeded.',
    '550 5.4.6 Unusual sending activity detected. Please try after sometime',
    "550 5.7.1 trop de destinataires aujourd'hui",
    '550 5.7.0 You have used all of your email credits',
  ])('%s', (response) => {
    expect(refused(response, 'DATA')).toMatchObject({ code: 'send_unavailable', retryAfterMs: 3_600_000 })
  })
})

describe('a refusal of the recipient or the message is no fault of our account:', () => {
  it.each([
    ['550 5.1.1 User unknown', 'recipient'],
    ['552 5.2.2 Mailbox quota exceeded: message limit', 'recipient'],
    ['550 5.2.1 The email account that you tried to reach is disabled', 'recipient'],
    ['550 5.2.1 This mailbox is disabled', 'recipient'],
    ['550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required', 'policy'],
    ['550 5.2.1 The recipient account blocked for spam', 'recipient'],
    ['550 5.1.0 The recipient account is suspended', 'recipient'],
    ['550 5.2.0 Mail rejete. Mail rejected. ofr_506 [506]', 'policy'],
    ['571 5.7.1 Message refused, DMARC verification Failed. LPN007_517', 'policy'],
    ['552 5.3.4 Message size exceeds the limit', 'content'],
  ])('%s', (response, failure) => {
    expect(refused(response, 'DATA')).toMatchObject({ code: 'send_rejected', failure })
  })
})
