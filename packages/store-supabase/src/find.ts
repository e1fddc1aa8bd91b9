import type { RecordedEvent } from '@pipe-comms/core'
import { toColumn } from './jsonb-text.ts'
import type { EventLine, EventLines } from './stored-event.ts'

export async function find(lines: EventLines, idempotencyKey: string): Promise<RecordedEvent | undefined> {
  const { event } = await lines.log.calls.call<{ event: EventLine | null }>('find_message_event', { p_key: toColumn(idempotencyKey) })
  return event ? lines.toEvent(event, idempotencyKey) : undefined
}
