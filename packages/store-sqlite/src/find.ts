import type { Position, RecordedEvent } from '@pipe-comms/core'
import { toColumn } from './column-text.ts'
import type { LogReader } from './log-reader.ts'
import { POSITION } from './position.ts'
import { toRecordedEvent } from './stored-event.ts'

const FIND = `SELECT ${POSITION}, event_json FROM message_events WHERE idempotency_key = ?`

/** Asks the file every time, so it sees what any process recorded. */
export function prepareFind(reader: LogReader): (idempotencyKey: string) => Promise<RecordedEvent | undefined> {
  const find = reader.db.prepare<[string], [position: Position, json: string]>(FIND).raw()

  return async (idempotencyKey) => {
    const found = await reader.read(() => find.get(toColumn(idempotencyKey)))
    return found && toRecordedEvent(found[1], found[0])
  }
}
