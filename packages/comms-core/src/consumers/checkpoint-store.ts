import type { Position } from '../events/recorded-event.ts'

/**
 * How far each consumer has read the log. The port that store packages implement beside the log; `@pipe-comms/core/conformance` proves
 * these promises against it. Ids are kept exactly, whatever text they are, and consumers never touch each other, not even when many save
 * at once.
 */
export interface CheckpointStore {
  /**
   * The last position saved for this consumer; nothing when it has none yet.
   * @throws CommsError `store_unavailable`.
   */
  load(consumerId: string): Promise<Position | undefined>
  /**
   * Keeps the position. Resolves when it is durable. The last save wins, also over a later position, so that a consumer can be set back:
   * one consumer's saves come one after the other.
   * @throws CommsError `store_unavailable`.
   */
  save(consumerId: string, position: Position): Promise<void>
}
