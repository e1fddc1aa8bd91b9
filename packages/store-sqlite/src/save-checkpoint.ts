import type { Database } from 'better-sqlite3'
import { toColumn } from './column-text.ts'
import type { CheckpointRow } from './writer-protocol.ts'

const SAVE = `
  INSERT INTO consumer_checkpoints (consumer_id, event_position, saved_at) VALUES (?, ?, ?)
  ON CONFLICT (consumer_id) DO UPDATE SET event_position = excluded.event_position, saved_at = excluded.saved_at`

/** Keeps a consumer's position; the last one wins. */
export function prepareSaveCheckpoint(db: Database): (checkpoint: CheckpointRow, savedAt: string) => void {
  const save = db.prepare(SAVE)
  return ({ consumerId, position }, savedAt) => {
    save.run(toColumn(consumerId), toColumn(position), savedAt)
  }
}
