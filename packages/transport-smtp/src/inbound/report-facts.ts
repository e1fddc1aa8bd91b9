import { anyContactAddress, type ContactAddress, type EventFact } from '@pipe-comms/core'
import { failureClassOf, providerCodeOf } from '../failure-class.ts'
import { ownMessageId } from '../message-id.ts'
import { factKey, type InboundContext } from './inbound-context.ts'
import { MAX_RECIPIENTS } from './mail-limits.ts'
import type { MailReport, RecipientReport } from './mail-report.ts'

/**
 * One fact for each recipient a report names, up to a thousand; the first counts the others in `extra.recipientsLeftOut`. Recipients
 * without any address are left out.
 */
export function reportFacts(report: MailReport, context: InboundContext): EventFact[] {
  const facts = report.recipients.slice(0, MAX_RECIPIENTS).flatMap((recipient) => {
    const contact = contactOf(recipient, report)
    return contact ? [factOf(recipient, contact, report, context)] : []
  })
  const left = report.recipients.length - MAX_RECIPIENTS
  const [first, ...others] = facts
  return first && left > 0 ? [withExtra(first, { recipientsLeftOut: left }), ...others] : facts
}

function withExtra(fact: EventFact, more: Readonly<Record<string, number>>): EventFact {
  const before = 'extra' in fact.data ? fact.data.extra : undefined
  return { ...fact, data: { ...fact.data, extra: { ...before, ...more } } } as EventFact
}

function factOf(recipient: RecipientReport, contact: ContactAddress, report: MailReport, context: InboundContext): EventFact {
  const { account, endpoint, occurredAt, source, mailId } = context
  const { action, status } = recipient
  const providerCode = providerCodeOf(status)
  const description = status.text.replace(/\s+/g, ' ').trim().slice(0, 500)
  const names = namesOf(contact, report, context)
  const shared = {
    // With the message: two reports may share a Message-ID.
    idempotencyKey: factKey(account, 'report', mailId, names.messageId, contact.value, action, providerCode ?? 'none'),
    channel: 'email',
    provider: 'smtp',
    account,
    direction: 'outbound' as const,
    contact,
    ...(endpoint ? { endpoint } : {}),
    ...names,
    ...(occurredAt === undefined ? {} : { occurredAt }),
    source,
  }
  const code = providerCode === undefined ? {} : { extra: { status: providerCode } }
  const told = { ...(description === '' ? {} : { description }), ...code }
  switch (action) {
    case 'failed': {
      const error = {
        code: 'bounced',
        ...(providerCode === undefined ? {} : { providerCode }),
        class: failureClassOf(status, false),
        ...(description === '' ? {} : { text: description }),
      }
      return { ...shared, type: 'message.failed', data: { error } }
    }
    case 'delivered':
      return { ...shared, type: 'message.delivered', data: told }
    case 'read':
      return { ...shared, type: 'message.read', data: {} }
    default: {
      const until = action === 'delayed' && recipient.until ? { until: recipient.until.toISOString() } : {}
      return { ...shared, type: 'message.in_transit', data: { state: action, ...until, ...told } }
    }
  }
}

/**
 * Which message it is. Ours by our Message-ID or ENVID; what we did not send is named after its Message-ID; without any, the report stands for it.
 * Somebody in copy has a name of his own: that his copy bounced does not make the message fail.
 */
function namesOf(contact: ContactAddress, { original, envelopeId }: MailReport, { domain, mailId }: InboundContext) {
  const { messageId: header, copies, recipients } = original
  const inCopy = copies.includes(contact.value) && !recipients.includes(contact.value) ? `#${contact.value}` : ''
  const own = (header === undefined || domain === undefined ? undefined : ownMessageId(header, domain)) ?? envelopeId
  const messageId = (own ?? `smtp:${header ?? `report:${mailId}`}`) + inCopy
  return { messageId: messageId.slice(0, 512), ...(header === undefined ? {} : { providerMessageId: (header + inCopy).slice(0, 512) }) }
}

function contactOf({ address }: RecipientReport, { original, recipients }: MailReport): ContactAddress | undefined {
  // A report on one recipient may name a local account; the message says who it was for.
  const written = recipients.length === 1 && original.recipients.length === 1 ? original.recipients : []
  const contacts = [address, ...written].filter((candidate) => candidate !== '').map((candidate) => anyContactAddress(candidate))
  return contacts.find(({ kind }) => kind === 'email') ?? contacts[0]
}
