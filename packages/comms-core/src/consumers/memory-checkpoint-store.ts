import type { Position } from '../events/recorded-event.ts'
import type { CheckpointStore } from './checkpoint-store.ts'

/**
 * Checkpoints in memory, gone with the process: after a restart its consumers read the log from the beginning. For tests, and for read
 * models that live in memory too.
 * @example
 * const checkpoints = memoryCheckpointStore()
 */
export function memoryCheckpointStore(): CheckpointStore {
  const positions = new Map<string, Position>()
  return {
    load: async (consumerId) => positions.get(consumerId),
    save: async (consumerId, position) => {
      positions.set(consumerId, position)
    },
  }
}
