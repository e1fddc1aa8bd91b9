import { dirname, resolve } from 'node:path'
import { type CheckpointStore, CommsError, type Position } from '@pipe-comms/core'
import { readWhole, writeWhole } from './atomic-file.ts'
import { diskError } from './disk-error.ts'
import { createPrivateFolder } from './private-file.ts'

/**
 * Checkpoints in one small JSON file, for the consumers of one process. Each save is on the disk, whole, before it resolves; saves
 * that wait share one write.
 * @example
 * const checkpoints = jsonCheckpointStore({ file: './logs/message_events/checkpoints.json' })
 */
export function jsonCheckpointStore(options: { readonly file: string }): CheckpointStore {
  const file = resolve(options.file)
  let known: Promise<Map<string, Position>> | undefined
  let writing: Promise<void> | undefined
  let waiting: Promise<void> | undefined

  const load = (): Promise<Map<string, Position>> => {
    known ??= readCheckpoints(file).catch((error) => {
      known = undefined
      throw error
    })
    return known
  }
  const write = async (checkpoints: ReadonlyMap<string, Position>) => {
    try {
      await createPrivateFolder(dirname(file))
      await writeWhole(file, `${JSON.stringify([...checkpoints], null, 1)}\n`)
    } catch (cause) {
      throw diskError(`Cannot write ${file}`, cause)
    }
  }

  return {
    load: async (consumerId) => (await load()).get(consumerId),
    save: async (consumerId, position) => {
      const checkpoints = await load()
      checkpoints.set(consumerId, position)
      // The write under way may have begun before this save; the next one has it for sure.
      waiting ??= Promise.resolve(writing)
        .catch(() => undefined)
        .then(() => {
          waiting = undefined
          writing = write(checkpoints)
          return writing
        })
      await waiting
    },
  }
}

async function readCheckpoints(file: string): Promise<Map<string, Position>> {
  let text: string
  try {
    text = await readWhole(file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw diskError(`Cannot read ${file}`, cause)
  }
  try {
    return new Map(JSON.parse(text) as [string, Position][])
  } catch (cause) {
    throw new CommsError('store_corrupt', `${file} does not hold checkpoints; take it away to let the consumers begin again`, { cause })
  }
}
