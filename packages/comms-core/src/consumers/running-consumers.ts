import { CommsError } from '../errors.ts'
import type { CheckpointStore } from './checkpoint-store.ts'

const running = new WeakMap<CheckpointStore, Set<string>>()

/**
 * Takes the name of a consumer until the function it returns is called.
 * @throws CommsError `configuration_invalid` when a consumer of this name runs on the same checkpoint store in this process.
 */
export function takeConsumerId(checkpoints: CheckpointStore, id: string): () => void {
  const ids = running.get(checkpoints) ?? new Set<string>()
  running.set(checkpoints, ids)
  if (ids.has(id)) {
    throw new CommsError(
      'configuration_invalid',
      `Consumer "${id}" runs already on these checkpoints; two of one id would do the work twice`,
    )
  }
  ids.add(id)
  return () => ids.delete(id)
}
