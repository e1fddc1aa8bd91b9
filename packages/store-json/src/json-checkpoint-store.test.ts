import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkpointStoreConformance } from '@pipe-comms/core/conformance'
import { describe, expect, it } from 'vitest'
import { jsonCheckpointStore } from './index.ts'

checkpointStoreConformance(
  'JSON checkpoints',
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-checkpoints-'))
    const file = join(dir, 'made', 'checkpoints.json')
    return {
      checkpoints: jsonCheckpointStore({ file }),
      reopen: async () => jsonCheckpointStore({ file }),
      dispose: () => rm(dir, { recursive: true }),
    }
  },
  { runner: { describe, it } },
)

describe('a checkpoint file', () => {
  it('has the last of many saves, which share writes', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-checkpoints-'))
    const file = join(dir, 'checkpoints.json')
    const checkpoints = jsonCheckpointStore({ file })
    await Promise.all(Array.from({ length: 200 }, (_, index) => checkpoints.save(`c${index % 3}`, String(index))))
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual([
      ['c0', '198'],
      ['c1', '199'],
      ['c2', '197'],
    ])
    await rm(dir, { recursive: true })
  })

  it('that cannot be read is an error, never a beginning from nothing', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-checkpoints-'))
    const file = join(dir, 'checkpoints.json')
    await writeFile(file, '{half')
    await expect(jsonCheckpointStore({ file }).load('c')).rejects.toMatchObject({ code: 'store_corrupt' })
    await expect(jsonCheckpointStore({ file }).save('c', '1')).rejects.toMatchObject({ code: 'store_corrupt' })
    expect(await readFile(file, 'utf8')).toBe('{half')
    await rm(dir, { recursive: true })
  })
})
