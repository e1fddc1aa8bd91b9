import type { CheckpointStore, Position } from '@pipe-comms/core'
import type { RepeatingCalls } from './database-calls.ts'
import { toColumn } from './jsonb-text.ts'

/** Checkpoints beside the log, for consumers on any number of servers: a backup takes both. */
export function checkpointStore(calls: () => RepeatingCalls): CheckpointStore {
  return {
    async load(consumerId) {
      const values = { p_consumer: toColumn(consumerId) }
      const { position } = await calls().call<{ position: Position | null }>('load_message_checkpoint', values)
      return position ?? undefined
    },
    async save(consumerId, position) {
      await calls().call('save_message_checkpoint', { p_consumer: toColumn(consumerId), p_position: toColumn(position) })
    },
  }
}
