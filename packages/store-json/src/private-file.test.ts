import { constants } from 'node:fs'
import fs, { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createPrivateFolder, openPrivate } from './private-file.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-private-'))
})
afterEach(() => rm(dir, { recursive: true }))

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

it('private files and folders are closed to other users, whatever the umask', async () => {
  const umask = process.umask(0)
  try {
    await createPrivateFolder(join(dir, 'a', 'b'))
    const file = await openPrivate(join(dir, 'a', 'b', 'file'), constants.O_CREAT | constants.O_WRONLY)
    await file.close()
    expect(await Promise.all([join(dir, 'a'), join(dir, 'a', 'b'), join(dir, 'a', 'b', 'file')].map(modeOf))).toEqual(['750', '750', '640'])
  } finally {
    process.umask(umask)
  }
})

it('a private file is never opened through a symbolic link', async () => {
  await writeFile(join(dir, 'elsewhere'), 'untouched')
  await symlink(join(dir, 'elsewhere'), join(dir, 'link'))
  for (const flags of [constants.O_RDONLY, constants.O_CREAT | constants.O_WRONLY | constants.O_TRUNC])
    await expect(openPrivate(join(dir, 'link'), flags)).rejects.toMatchObject({ code: 'ELOOP' })
  expect(await readFile(join(dir, 'elsewhere'), 'utf8')).toBe('untouched')
})

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
