import fs, { mkdtemp, rm, stat } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createPrivateFolder } from './private-file.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-private-'))
})
afterEach(() => rm(dir, { recursive: true }))

const _modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

it('the names of new folders are durable: each folder that got a new one is synced', async () => {
  const opened: string[] = []
  const { open } = fs
  fs.open = (path, ...rest) => {
    opened.push(String(path))
    return open(path, ...rest)
  }
  syncBuiltinESMExports()
  try {
    await createPrivateFolder(join(dir, 'a', 'b', 'c'))
    expect(opened.sort()).toEqual([dir, join(dir, 'a'), join(dir, 'a', 'b')])
    opened.length = 0
    await createPrivateFolder(join(dir, 'a', 'b', 'c'))
    expect(opened).toEqual([])
  } finally {
    fs.open = open
    syncBuiltinESMExports()
  }
})
