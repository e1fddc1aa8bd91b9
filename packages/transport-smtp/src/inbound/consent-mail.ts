import { type ContactAddress, type EventFact, parseContactAddress } from '@pipe-comms/core'
import { ownMessageId } from '../message-id.ts'
import { factKey, type InboundContext } from './inbound-context.ts'
import { addressesIn, originalIn } from './mail-report.ts'
import { type MimeEntity, partsOfType, readFields } from './mime-entity.ts'

/**
 * What a provider says of who called our mail spam: the contact wants no more of us. Nothing for other mails, for reports that say the
 * opposite (`not-spam`), and for those that do not say whom they are about. https://www.rfc-editor.org/rfc/rfc5965
 */
export function complaintFact(mail: MimeEntity, context: InboundContext): EventFact | undefined {
  const [part] = partsOfType(mail, ['message/feedback-report'])
  if (!part) return undefined
  const fields = readFields(part.text())
  const values = (name: string) => fields.filter((field) => field.name === name).map(({ value }) => value)
  const kind = values('feedback-type')[0]?.trim().toLowerCase() ?? ''
  const original = originalIn(mail)
  const told = values('original-rcpt-to').flatMap((value) => addressesIn(value))
  // What we sent has one recipient.
  const [contact] = [...told, ...(original.recipients.length === 1 ? original.recipients : [])].flatMap((address) => addressOf(address))
  if (!contact || kind === 'not-spam') return undefined
  const messageId = original.messageId && context.domain && ownMessageId(original.messageId, context.domain)
  return {
    ...optedOut(contact, context, { reason: 'complaint', extra: { feedbackType: kind || 'unknown' } }),
    ...(messageId ? { messageId } : {}),
  }
}

/**
 * That the writer wants off the list: a mail to the address in our `List-Unsubscribe`, with the subject that stands there. Without such an
 * address, one whose subject is that word alone. https://www.rfc-editor.org/rfc/rfc2369#section-3.2
 */
export function unsubscribeFact(mail: MimeEntity, subject: string, from: ContactAddress, context: InboundContext): EventFact | undefined {
  const { mailto, endpoint } = context
  const [address = '', query = ''] = (mailto ?? '').replace(/^mailto:/i, '').split('?')
  const wanted = new URLSearchParams(query).get('subject') ?? undefined
  const said = subject.trim().toLowerCase()
  const recipients = ['to', 'cc', 'delivered-to', 'x-original-to'].flatMap((name) => addressesIn(mail.headers(name).join(', ')))
  const isMeant =
    mailto === undefined
      ? said === 'unsubscribe'
      : recipients.includes(address.toLowerCase()) &&
        // Our own mailbox gets other mails too.
        (wanted === undefined ? address.toLowerCase() !== endpoint?.value || said === 'unsubscribe' : said === wanted.trim().toLowerCase())
  return isMeant ? optedOut(from, context, { reason: 'unsubscribe', keyword: subject.trim().slice(0, 200) }) : undefined
}

function optedOut(
  contact: ContactAddress,
  { account, endpoint, mailId, occurredAt, source }: InboundContext,
  data: Extract<EventFact, { type: 'contact.opted_out' }>['data'],
): EventFact {
  return {
    type: 'contact.opted_out',
    idempotencyKey: factKey(account, 'opted-out', contact.value, mailId),
    channel: 'email',
    provider: 'smtp',
    account,
    contact,
    ...(endpoint ? { endpoint } : {}),
    ...(occurredAt === undefined ? {} : { occurredAt }),
    source,
    data,
  }
}

function addressOf(address: string): ContactAddress[] {
  try {
    const contact = parseContactAddress(address)
    return contact.kind === 'email' ? [contact] : []
  } catch {
    return []
  }
}
