import type { RecordedEvent } from '@pipe-comms/core'
import type { RepeatingCalls } from './database-calls.ts'
import { toColumn } from './jsonb-text.ts'
import { type EventLine, toRecordedEvent } from './stored-event.ts'

export async function find(calls: RepeatingCalls, idempotencyKey: string): Promise<RecordedEvent | undefined> {
  const { event } = await calls.call<{ event: EventLine | null }>('find_message_event', { p_key: toColumn(idempotencyKey) })
  return event ? toRecordedEvent(event) : undefined
}
