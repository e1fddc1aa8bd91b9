import type { LeadMatch, MessageEventOf } from '@pipe-comms/core'
import { listPage } from '../api/list-records.ts'
import type { RecordWriter } from './create-record.ts'
import { espoTime } from './espo-time.ts'

/**
 * An e-mail of ours as an archived Email on the lead. Its Message-ID is its name: an Email that has it is there already, from an earlier
 * try or from the CRM's own mailbox. Never with the status `Sending`, with which the CRM would send it again.
 * @throws RecordRefused, CommsError: see {@link RecordWriter.create}.
 */
export async function writeEmail(
  writer: RecordWriter,
  event: MessageEventOf<'message.sent'>,
  lead: LeadMatch,
  signal: AbortSignal,
): Promise<void> {
  const { contact, endpoint, occurredAt, providerMessageId, data } = event
  const messageId = providerMessageId?.includes('@') ? bracketed(providerMessageId) : `<${event.id}@pipe-comms.invalid>`
  const where = [{ type: 'equals', attribute: 'messageId', value: messageId }]
  const there = await listPage(writer.connection, 'Email', { where, select: ['id'], offset: 0, signal })
  if (there.length > 0) return
  const { subject, html, text } = data.content ?? {}
  const body = {
    name: subject || '(no subject)',
    ...(endpoint ? { from: endpoint.value } : {}),
    to: contact.value,
    body: html ?? text ?? '',
    isHtml: html !== undefined,
    status: 'Archived',
    dateSent: espoTime(occurredAt),
    messageId,
  }
  await writer.create('Email', body, lead, signal)
}

function bracketed(messageId: string): string {
  return messageId.startsWith('<') ? messageId : `<${messageId}>`
}
