import { CommsError, type LeadMatch, type MessageEventOf } from '@pipe-comms/core'
import { callApi } from '../api/call.ts'
import { listPage } from '../api/list-records.ts'
import type { CheckedConnection } from '../options.ts'
import { espoTime } from './espo-time.ts'

/**
 * An e-mail of ours as an archived Email on the lead. Its Message-ID is its name: an Email that has it is there already, from an earlier
 * try or from the CRM's own mailbox. Never with the status `Sending`, with which the CRM would send it again.
 */
export async function writeEmail(
  connection: CheckedConnection,
  event: MessageEventOf<'message.sent'>,
  lead: LeadMatch,
  signal: AbortSignal,
): Promise<void> {
  const { contact, endpoint, occurredAt, providerMessageId, data } = event
  const messageId = providerMessageId?.includes('@') ? bracketed(providerMessageId) : `<${event.id}@pipe-comms.invalid>`
  const where = [{ type: 'equals', attribute: 'messageId', value: messageId }]
  const there = await listPage(connection, 'Email', { where, select: ['id'], offset: 0, signal })
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
    parentType: lead.type ?? 'Lead',
    parentId: lead.id,
  }
  // 409 answers with the Email that is there: somebody was quicker.
  const { status, json } = await callApi(connection, { method: 'POST', path: 'Email', body, signal }, [409])
  if (status === 409 && !Array.isArray(json))
    throw new CommsError('directory_misconfigured', 'EspoCRM: POST Email answered 409 without saying why')
}

function bracketed(messageId: string): string {
  return messageId.startsWith('<') ? messageId : `<${messageId}>`
}
