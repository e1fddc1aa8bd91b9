import { type ContactAddress, type EventFact, parseContactAddress } from '@pipe-comms/core'
import type { ParsedMail } from 'mailparser'
import { ownMessageId } from '../message-id.ts'
import { messageIdOfToken } from '../unsubscribe-token.ts'
import { isAuthenticated } from './authentication-results.ts'
import { factKey, type InboundContext } from './inbound-context.ts'
import { addressesIn, originalIn } from './mail-report.ts'
import { type MimeEntity, partsOfType, readFields } from './mime-entity.ts'

/**
 * That somebody wants no more mail, as a mail says it. A mail is written by anybody: the claim counts when the log knows the message of
 * ours that it speaks of, or when a trusted server authenticated the sender.
 */
export interface ConsentClaim {
  readonly kind: 'complaint' | 'unsubscribe'
  /** Our messageId of the message that the claim holds. Its recipient is the contact. */
  readonly messageId?: string
  /** The address that the claim names. For a complaint, that message must have been sent to it. */
  readonly about?: ContactAddress
  /** A trusted server says that the mail comes from the domain of `about`. */
  readonly authenticated: boolean
  /** The opting-out, but for its contact. */
  readonly optedOut: Omit<Extract<EventFact, { type: 'contact.opted_out' }>, 'contact' | 'idempotencyKey' | 'messageId'>
}

/** Reports that nobody complained in: https://www.iana.org/assignments/marf-parameters and https://www.rfc-editor.org/rfc/rfc6591 */
const NO_COMPLAINT = new Set(['not-spam', 'auth-failure', 'dkim', 'virus', 'fraud'])

/**
 * What a provider says of who called our mail spam: in a feedback report (https://www.rfc-editor.org/rfc/rfc5965), or as Outlook.com does
 * (https://sendersupport.olc.protection.outlook.com/snds/JMRPFAQ.aspx), with the mail attached and its recipient in a header of it.
 * Types that no list has are left to a person: their claim names no message.
 */
export function complaintClaim(mail: MimeEntity, context: InboundContext): ConsentClaim | undefined {
  const [part] = partsOfType(mail, ['message/feedback-report'])
  const told = part ? valuesOf(part.text(), ['original-rcpt-to']) : junkMailReport(mail)
  if (!told) return undefined
  const feedbackType = part
    ? (valuesOf(part.text(), ['feedback-type'])[0]
        ?.trim()
        .toLowerCase()
        .split(/[\s;(]/)[0] ?? '')
    : 'abuse'
  if (NO_COMPLAINT.has(feedbackType)) return undefined
  const original = originalIn(mail)
  const named = told.flatMap((value) => addressesIn(value))
  // What we sent has one recipient.
  const [about] = (named.length > 0 ? named : original.recipients.length === 1 ? original.recipients : []).flatMap(addressOf)
  const messageId = original.messageId && context.domain && ownMessageId(original.messageId, context.domain)
  return {
    kind: 'complaint',
    ...(messageId && feedbackType === 'abuse' ? { messageId } : {}),
    ...(about ? { about } : {}),
    authenticated: false,
    optedOut: optedOut(context, { reason: 'complaint', extra: { feedbackType: feedbackType || 'unknown' } }),
  }
}

/** Whether this is a feedback report of any type, or a DMARC aggregate (https://www.rfc-editor.org/rfc/rfc7489#section-7.2.1.1). */
export function isMachineReport(mail: MimeEntity, subject: string): boolean {
  return partsOfType(mail, ['message/feedback-report']).length > 0 || AGGREGATE.test(subject) || [mail, ...mail.parts()].some(isAggregate)
}

const AGGREGATE = /^\s*(\[[^\]]*\]\s*)?(dmarc aggregate )?report domain:.*submitter:/i

/** `receiver!domain!begin!end.xml.gz` */
function isAggregate(part: MimeEntity): boolean {
  const names = [...part.headers('content-type'), ...part.headers('content-disposition')]
  return names.some((name) => /![^\s"!]{1,255}!\d{9,11}!\d{9,11}[^\s"]{0,99}\.(xml|gz|zip)\b/i.test(name))
}

/** The recipients in the mail that Outlook.com attaches; nothing when this is no report of it. */
function junkMailReport(mail: MimeEntity): string[] | undefined {
  const recipients = partsOfType(mail, ['message/rfc822']).flatMap((part) => valuesOf(part.text(), ['x-hmxmroriginalrecipient']))
  return recipients.length > 0 ? recipients : undefined
}

/**
 * That the writer wants off the list: a mail with the token of our `List-Unsubscribe`, a mail to its address with the subject that is
 * there, or, without such an address, a mail whose subject is that word alone. https://www.rfc-editor.org/rfc/rfc2369#section-3.2
 */
export function unsubscribeClaim(mail: MimeEntity, parsed: ParsedMail, context: InboundContext): ConsentClaim | undefined {
  const subject = parsed.subject ?? ''
  const recipients = ['to', 'cc', 'delivered-to', 'x-original-to'].flatMap((name) => addressesIn(mail.headers(name).join(', ')))
  const messageId = [subject, ...recipients].map(messageIdOfToken).find((id) => id !== undefined)
  if (messageId === undefined && !isMeant(subject, recipients, context)) return undefined
  const senders = parsed.from?.value ?? []
  const [about] = senders.flatMap(({ address = '' }) => addressOf(address))
  const single = senders.length === 1 && mail.headers('from').length === 1
  return {
    kind: 'unsubscribe',
    ...(messageId === undefined ? {} : { messageId }),
    ...(about ? { about } : {}),
    authenticated: about !== undefined && single && isAuthenticated(mail, about, context.authservId),
    optedOut: optedOut(context, { reason: 'unsubscribe', keyword: subject.trim().slice(0, 200) }),
  }
}

const UNSUBSCRIBE = /^\s*(unsubscribe|d[ée]sinscription|d[ée]sabonnement|me d[ée]s(inscrire|abonner)|abmelden|darme de baja)\s*[.!]?\s*$/i

function isMeant(subject: string, recipients: readonly string[], { mailto, endpoint }: InboundContext): boolean {
  if (mailto === undefined) return UNSUBSCRIBE.test(subject)
  const [address = '', query = ''] = mailto
    .replace(/^mailto:/i, '')
    .toLowerCase()
    .split('?')
  const wanted = new URLSearchParams(query).get('subject')?.replace('{token}', '').trim()
  if (!recipients.some((recipient) => withoutTag(recipient) === withoutTag(address))) return false
  // Our own mailbox gets other mails too.
  if (!wanted) return withoutTag(address) !== endpoint?.value || UNSUBSCRIBE.test(subject)
  return subject.trim().toLowerCase() === wanted
}

/** `leave+{token}@example.com` and `leave@example.com` are one mailbox. */
function withoutTag(address: string): string {
  return address.replace(/\+[^@]*(?=@)/, '')
}

function optedOut(
  { account, endpoint, occurredAt, source }: InboundContext,
  data: Extract<EventFact, { type: 'contact.opted_out' }>['data'],
): ConsentClaim['optedOut'] {
  return {
    type: 'contact.opted_out',
    channel: 'email',
    provider: 'smtp',
    account,
    ...(endpoint ? { endpoint } : {}),
    ...(occurredAt === undefined ? {} : { occurredAt }),
    source,
    data,
  }
}

/** The opting-out of this contact. */
export function optedOutFact({ optedOut: fact }: ConsentClaim, contact: ContactAddress, mailName: string, messageId?: string): EventFact {
  return {
    ...fact,
    idempotencyKey: factKey(fact.account ?? '', 'opted-out', contact.value, mailName),
    contact,
    ...(messageId === undefined ? {} : { messageId }),
  }
}

function valuesOf(block: string, names: readonly string[]): string[] {
  const header = block.replace(/^\s+/, '').split(/\r?\n[ \t]*\r?\n/)[0] ?? ''
  return readFields(header).flatMap(({ name, value }) => (names.includes(name) ? [value] : []))
}

function addressOf(address: string): ContactAddress[] {
  try {
    const contact = parseContactAddress(address)
    return contact.kind === 'email' ? [contact] : []
  } catch {
    return []
  }
}
