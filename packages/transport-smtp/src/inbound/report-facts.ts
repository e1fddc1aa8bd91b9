import { type ContactAddress, type EventFact, parseContactAddress } from '@pipe-comms/core'
import { failureClassOf, providerCodeOf } from '../failure-class.ts'
import { ownMessageId } from '../message-id.ts'
import { factKey, type InboundContext } from './inbound-context.ts'
import type { MailReport, RecipientReport } from './mail-report.ts'

/** One fact for each recipient a report names; those that are no address of anybody are left out. */
export function reportFacts(report: MailReport, context: InboundContext): EventFact[] {
  return report.recipients.flatMap((recipient) => {
    const contact = contactOf(recipient, report)
    return contact ? [factOf(recipient, contact, report, context)] : []
  })
}

function factOf(recipient: RecipientReport, contact: ContactAddress, report: MailReport, context: InboundContext): EventFact {
  const { account, endpoint, occurredAt, source, mailId } = context
  const { action, status } = recipient
  const providerCode = providerCodeOf(status)
  const description = status.text.replace(/\s+/g, ' ').trim().slice(0, 500)
  const shared = {
    idempotencyKey: factKey(account, 'report', mailId, contact.value, action, providerCode ?? 'none'),
    channel: 'email',
    provider: 'smtp',
    account,
    direction: 'outbound' as const,
    contact,
    ...(endpoint ? { endpoint } : {}),
    ...namesOf(contact, report, context),
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
  // A report on one recipient may name a local account; the message says whom it was for.
  const written = recipients.length === 1 && original.recipients.length === 1 ? original.recipients : []
  for (const candidate of [address, ...written]) {
    try {
      const contact = parseContactAddress(candidate)
      if (contact.kind === 'email') return contact
    } catch {
      // The next one.
    }
  }
  return undefined
}
