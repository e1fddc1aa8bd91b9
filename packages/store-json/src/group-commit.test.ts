import { CommsError, decideAppends, type RecordedEvent } from '@pipe-comms/core'
import { aMessage } from '@pipe-comms/core/conformance'
import { describe, expect, it } from 'vitest'
import { GroupCommit, type GroupLog, type Line } from './group-commit.ts'

const STREAM = 'whatsapp:+33639980001'

/** A log in memory whose disk syncs when it is told to, and fails when it is told to. */
function slowLog(maxCharacters?: number) {
  const written: string[] = []
  const synced: string[] = []
  const groups: number[] = []
  const syncs: { readonly keys: readonly string[]; readonly end: (error?: unknown) => void }[] = []
  const log: GroupLog = {
    write: async (requests) => {
      const keys = requests.flatMap(({ events }) => events.map(({ idempotencyKey }) => idempotencyKey))
      if (keys.includes('full')) throw new CommsError('store_unavailable', 'disk full')
      groups.push(requests.length)
      return decideAppends<Line, RecordedEvent>(requests, {
        versionOf: () => 0,
        recordedUnder: () => undefined,
        record: ({ idempotencyKey, event }, { streamId, version }) => {
          written.push(idempotencyKey)
          const recorded = Object.assign(event, { streamId, version, recordedAt: '2026-01-06T10:00:00.000Z', position: idempotencyKey })
          return { event: recorded, repeated: false }
        },
      })
    },
    sync: () => {
      const keys = [...written]
      return new Promise((resolve, reject) => {
        const end = (error?: unknown) => {
          if (error !== undefined) return reject(error)
          synced.splice(0, synced.length, ...keys)
          resolve()
        }
        syncs.push({ keys, end })
      })
    },
    takeBack: () => {
      written.splice(0, written.length, ...synced)
    },
  }
  const commit = new GroupCommit(log, maxCharacters)
  const append = (key: string, characters = 1) => commit.append([{ streamId: STREAM, events: [aMessage(key, 'x'.repeat(characters))] }])
  return { commit, append, written, groups, syncs }
}

/** Lets what is ready run. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('GroupCommit', () => {
  it('writes the next groups while the disk syncs one, and one sync covers them all', async () => {
    const { append, written, syncs } = slowLog()
    const first = append('a')
    await turn()
    const second = append('b')
    await turn()
    const third = append('c')
    await turn()
    expect(written).toEqual(['a', 'b', 'c'])
    expect(syncs.map(({ keys }) => keys)).toEqual([['a']])
    syncs[0]?.end()
    await first
    await turn()
    expect(syncs[1]?.keys).toEqual(['a', 'b', 'c'])
    syncs[1]?.end()
    await Promise.all([second, third])
    expect(syncs).toHaveLength(2)
  })

  it('gives a disk with nothing to do one half of much that waits, and writes the other half meanwhile', async () => {
    const { append, groups, syncs } = slowLog()
    const appends = Array.from({ length: 20 }, (_, index) => append(`k${100 + index}`, 4000))
    await turn()
    expect(groups).toEqual([10, 10])
    expect(syncs.map(({ keys }) => keys.length)).toEqual([10])
    syncs[0]?.end()
    await turn()
    syncs[1]?.end()
    await Promise.all(appends)
  })

  it('keeps little together', async () => {
    const { append, groups, syncs } = slowLog()
    const appends = Array.from({ length: 20 }, (_, index) => append(`k${index}`))
    await turn()
    expect(groups).toEqual([20])
    syncs[0]?.end()
    await Promise.all(appends)
  })

  it('takes back, when a sync fails, all that is not durable, and tells everybody', async () => {
    const { append, written, syncs } = slowLog()
    const durable = append('a')
    await turn()
    syncs[0]?.end()
    await durable
    const lost = [append('b').catch((error: CommsError) => error.message)]
    await turn()
    lost.push(append('c').catch((error: CommsError) => error.message))
    await turn()
    expect(written).toEqual(['a', 'b', 'c'])
    syncs[1]?.end(new CommsError('store_unavailable', 'EIO'))
    expect(await Promise.all(lost)).toEqual(['EIO', 'EIO'])
    expect(written).toEqual(['a'])
    const again = append('b')
    await turn()
    expect(syncs[2]?.keys).toEqual(['a', 'b'])
    syncs[2]?.end()
    await again
  })

  it('refuses only the group that cannot be written', async () => {
    const { commit, append, syncs } = slowLog()
    const first = append('a')
    await turn()
    await expect(append('full')).rejects.toMatchObject({ code: 'store_unavailable' })
    const third = append('b')
    await turn()
    syncs[0]?.end()
    await first
    await turn()
    expect(syncs[1]?.keys).toEqual(['a', 'b'])
    syncs[1]?.end()
    await third
    await commit.settled()
  })

  it('refuses further appends when too much waits for the disk, and takes them again when it is durable', async () => {
    const { append, syncs } = slowLog(20_000)
    const taken = [append('a', 9000), append('b', 9000)]
    await expect(append('c', 9000)).rejects.toMatchObject({ code: 'store_overloaded', message: expect.stringContaining('20000') })
    await turn()
    await expect(append('d', 9000)).rejects.toMatchObject({ code: 'store_overloaded' })
    syncs[0]?.end()
    await turn()
    for (const { end } of syncs.slice(1)) end()
    await Promise.all(taken)
    const later = append('e', 9000)
    await turn()
    for (const { end } of syncs) end()
    await later
  })

  it('forgets what was refused when it counts what waits, and takes an append of any size when nothing does', async () => {
    const { append, syncs } = slowLog(20_000)
    for (let round = 0; round < 5; round += 1) await expect(append('full', 15_000)).rejects.toMatchObject({ code: 'store_unavailable' })
    for (let round = 0; round < 5; round += 1) {
      const lost = append(`lost-${round}`, 15_000)
      const refused = expect(lost).rejects.toThrow('the disk is gone')
      await turn()
      syncs.at(-1)?.end(new Error('the disk is gone'))
      await refused
    }
    const huge = append('huge', 1_000_000)
    await turn()
    syncs.at(-1)?.end()
    await huge
  })
})
