import type { LeadMatch, MessageContent, RecordedEvent } from '@pipe-comms/core'
import { listPage } from '../api/list-records.ts'
import type { RecordWriter } from './create-record.ts'
import { espoTime } from './espo-time.ts'

/**
 * A message as a Note in the lead's stream. The API does not know repeats, so the Note ends with the event's id, and one that has it is
 * not written again.
 * @throws RecordRefused, CommsError: see {@link RecordWriter.create}.
 */
export async function writeNote(
  writer: RecordWriter,
  event: RecordedEvent,
  content: MessageContent,
  lead: LeadMatch,
  signal: AbortSignal,
): Promise<void> {
  const where = [
    { type: 'equals', attribute: 'parentId', value: lead.id },
    { type: 'contains', attribute: 'post', value: event.id },
  ]
  const there = await listPage(writer.connection, 'Note', { where, select: ['id'], offset: 0, signal })
  if (there.length > 0) return
  const way = event.type === 'message.received' ? `from ${event.contact?.value}` : `to ${event.contact?.value}`
  const media = content.media?.map(({ kind, fileName }) => `[${kind}${fileName ? `: ${fileName}` : ''}]`) ?? []
  const said = [content.subject, content.text, ...media].filter(Boolean).join('\n')
  const post = `${event.channel} ${way}, ${espoTime(event.occurredAt)} UTC\n\n${said}\n\n${event.id}`
  await writer.create('Note', { type: 'Post', post }, lead, signal)
}
