import { describe, expect, it } from 'vitest'
import type { CheckpointStore } from '../consumers/checkpoint-store.ts'
import { memoryCheckpointStore } from '../consumers/memory-checkpoint-store.ts'
import { checkpointStoreConformance } from './checkpoint-store.ts'
import { failuresOf } from './planted-fault.ts'

const REOPEN = 'keeps every checkpoint across close and reopen'

checkpointStoreConformance('memory', () => ({ checkpoints: memoryCheckpointStore(), reopen: async () => memoryCheckpointStore() }), {
  runner: { describe, it },
  knownGaps: { [REOPEN]: 'in memory by design' },
})

/** The memory store, which also stays across a reopen, with one act bent. */
function bent(bend: (good: CheckpointStore) => Partial<CheckpointStore>) {
  return failuresOf((runner) =>
    checkpointStoreConformance(
      'bent',
      () => {
        const good = memoryCheckpointStore()
        const checkpoints = { ...good, ...bend(good) }
        return { checkpoints, reopen: async () => checkpoints }
      },
      { runner },
    ),
  )
}

const renamed = (rename: (id: string) => string) =>
  bent((good) => ({ load: (id) => good.load(rename(id)), save: (id, position) => good.save(rename(id), position) }))

describe('the checkpoint kit finds planted faults', () => {
  it('finds none in a store that keeps every promise', async () => {
    expect(await bent(() => ({}))).toEqual([])
  })

  it('finds a store that loses after a reopen', async () => {
    const failures = await failuresOf((runner) =>
      checkpointStoreConformance(
        'forgetful',
        () => ({ checkpoints: memoryCheckpointStore(), reopen: async () => memoryCheckpointStore() }),
        {
          runner,
        },
      ),
    )
    expect(failures).toEqual([REOPEN])
  })

  it('finds a store that starts unknown consumers somewhere', async () => {
    const failures = await bent((good) => ({ load: async (id) => (await good.load(id)) ?? '' }))
    expect(failures).toContain('knows nothing of a consumer that never saved')
  })

  it('finds a store with one checkpoint for all', async () => {
    const failures = await renamed(() => 'all')
    expect(failures).toContain('keeps consumers apart')
    expect(failures).toContain('loses no save of many consumers at once')
  })

  it('finds a store that keeps the first save', async () => {
    const failures = await bent((good) => ({
      save: async (id, position) => {
        if ((await good.load(id)) === undefined) await good.save(id, position)
      },
    }))
    expect(failures).toContain('lets the last save win, also over a later position')
  })

  it('finds a store that never goes back', async () => {
    const failures = await bent((good) => ({
      save: async (id, position) => {
        if (position > ((await good.load(id)) ?? '')) await good.save(id, position)
      },
    }))
    expect(failures).toContain('lets the last save win, also over a later position')
  })

  it('finds a store that reads, changes and writes all at once', async () => {
    const failures = await bent(() => {
      let file: ReadonlyMap<string, string> = new Map()
      return {
        load: async (id) => file.get(id),
        save: async (id, position) => {
          const read = file
          await Promise.resolve()
          file = new Map([...read, [id, position]])
        },
      }
    })
    expect(failures).toContain('loses no save of many consumers at once')
  })

  it.each<[string, (id: string) => string]>([
    ['in one letter case', (id) => id.toLowerCase()],
    ['without space around', (id) => id.trim()],
    ['as file names', (id) => id.replaceAll('/', '-').replaceAll('..', '')],
    ['in one normal form', (id) => id.normalize('NFC')],
    ['cut short', (id) => id.slice(0, 64)],
    ['as numbers where they look like it', (id) => (Number.isNaN(Number(id)) ? id : String(Number(id)))],
    ['percent-decoded', (id) => id.replaceAll('%3A', ':')],
  ])('finds a store that keeps ids %s', async (_, rename) => {
    expect(await renamed(rename)).toContain('keeps ids exactly')
  })

  it('finds a store that keeps ids in a plain object', async () => {
    const failures = await bent(() => {
      const positions: Record<string, string> = {}
      return {
        load: async (id) => positions[id],
        save: async (id, position) => {
          positions[id] = position
        },
      }
    })
    expect(failures).toContain('knows nothing of a consumer that never saved')
    expect(failures).toContain('keeps ids exactly')
  })

  it('finds a store that keeps positions as numbers', async () => {
    const failures = await bent((good) => ({
      save: (id, position) => good.save(id, /^\d+$/.test(position) ? String(Number(position)) : position),
    }))
    expect(failures).toContain('keeps positions exactly')
  })
})
