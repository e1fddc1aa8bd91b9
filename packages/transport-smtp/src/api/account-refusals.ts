import { plain } from '../bounce-words.ts'

/** Refusals of us, not of a recipient or a message: every other message would be refused too. Compared with `plain` text. */

/** We have sent too much: it goes on later. Not the recipient's rate or quota. */
const TOO_MUCH = [
  // https://support.google.com/a/answer/3726730 "Daily SMTP relay limit exceeded", "Daily user sending limit exceeded"
  'too many (mails|e-?mails|messages|requests|recipients.{0,20}(today|per day|per hour|day|hour))',
  'rate.?limit',
  '(hourly|daily|sending|sender|submission|relay|outbound|message|mail) (rate )?(limit|quota)|recipients? (rate )?limit',
  '(limit|quota).{0,20} per (hour|day|minute)',
  '(reached|exceeded|exceeds).{0,40}(daily|hourly|sending|relay|your).{0,30}(limit|quota)',
  // https://learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits
  'recipientlimitexceeded|submissionquotaexceeded|too many recipients (have been|were) ',
  // cPanel, SES and Zoho; credits of Brevo and SendGrid
  'max(imum)? (number of )?(e-?mails|messages) per (hour|day)|number of (allowed )?outgoing messages|unusual sending activity',
  '(email |mail )?credits? (have been |are |is )?(exhausted|exceeded|used)|used all (of )?your .{0,20}credits|(plan|account) limit',
  // OVH, Orange, Gandi, in French
  '(quota|limite|nombre).{0,40}(envoi|envoye|emission|par (heure|jour|minute))',
  "trop d('|e )(messages|e-?mails|envois|destinataires)",
]

/** Somebody has to act: the sender is not ours to use, or the account is closed. */
const OPERATOR = [
  'relay(ing)? (access )?(is )?(denied|not permitted|not allowed|prohibited)|not permitted to relay|unable to relay',
  'authentication (is )?required|must authenticate|authenticate first|authentification requise|invalid credentials|unauthenticated senders? not',
  // The sender
  'sender (e-?mail )?(address )?(is )?(rejected|denied|not allowed|not permitted|refused|mismatch|verify failed)|not owned by|invalid sender|sender (is )?(not valid|unverified)|sender identity|emetteur invalide',
  // Exchange: https://learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/550-5-7-60-smtp-client-does-not-have-permissions-to-send-as-this-sender
  'permissions? to send (as|on behalf)|send ?as ?denied|not (allowed|authorized|authorised|permitted) to send (as|from|mail as)|cannot send (as|on behalf)|sendonbehalf',
  '(from|sender) (address|header)? ?(does not|doesn.t) (match|belong)|from address (is )?not (verified|allowed|authorized)|(address|identity|domain|sender) (is )?not verified|expediteur.{0,30}(non autorise|refuse|invalide)',
  // Exchange Online: https://learn.microsoft.com/defender-office-365/outbound-spam-restore-restricted-users
  'outboundspam|outbound spam|(access denied, )?bad outbound sender|restricted (user|sender)|user is restricted|tenant has exceeded threshold|blocked from sending|banned sender|abuse detected from sending',
  // The account
  '(your|sending|sender|sender.s|smtp) (e-?mail )?(account|mailbox|user) (has been |is |was )?(temporarily )?(suspended|disabled|blocked|locked|restricted|deactivated)',
  '(votre (compte|boite)).{0,30}(suspendu|bloque|desactive|restreint)|(compte|boite).{0,30}(suspendu|bloque)e? pour (envoi|spam)',
  '(?<!recipient.{0,20})account (is |was |has been )?(blocked|suspended|disabled) for (sending )?spam',
  // SES, Mailgun, relays that name the account by its service
  'sending paused|not authorized to perform|domain \\S{1,253} is not allowed to send|unauthorized ip|smtp access (is |was )?disabled|disabled from sending',
  '(client host|helo command|ehlo) rejected',
]

const tooMuch = new RegExp(TOO_MUCH.join('|'))
const operator = new RegExp(OPERATOR.join('|'))

/** What the words of a refusal say of us; nothing when they are about the recipient or the message. */
export function accountRefusal(text: string): 'too-much' | 'operator' | undefined {
  const words = plain(text)
  // A recipient that takes mail from its own organization alone.
  if (/resolver\.rst\./.test(words)) return undefined
  return tooMuch.test(words) ? 'too-much' : operator.test(words) ? 'operator' : undefined
}
