import { execFileSync } from 'node:child_process'
import { chmod, lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appendOf } from '@pipe-comms/core/conformance'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqliteEventStore } from './index.ts'

const STREAM = 'whatsapp:+33639980001'

let dir: string
let umask: number
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  umask = process.umask(0)
})
afterEach(async () => {
  process.umask(umask)
  await rm(dir, { recursive: true })
})

/** Names of what other users may touch, or the group may write. */
const open = async () => {
  const names = await readdir(dir, { recursive: true })
  const modes = await Promise.all(names.map(async (name) => [name, (await lstat(join(dir, name))).mode & 0o027] as const))
  return modes.filter(([, mode]) => mode !== 0).map(([name]) => name)
}

describe.skipIf(process.platform === 'win32')('the files of the SQLite store', () => {
  it('are all closed to other users, with their folders, under an umask that would let all in', async () => {
    const store = await openSqliteEventStore({ file: join(dir, 'new', 'data', 'messages.sqlite') })
    await store.append([appendOf(STREAM, ['a'])])
    await store.checkpoints.save('c', 'p')
    expect((await readdir(join(dir, 'new', 'data'))).sort()).toEqual(['messages.sqlite', 'messages.sqlite-shm', 'messages.sqlite-wal'])
    expect(await open()).toEqual([])
    await store.close()
  })

  it('that others may read are closed to them when they are opened, with what lies beside them', async () => {
    const file = join(dir, 'messages.sqlite')
    const first = await openSqliteEventStore({ file })
    await first.append([appendOf(STREAM, ['a'])])
    for (const name of await readdir(dir)) await chmod(join(dir, name), 0o666)
    const second = await openSqliteEventStore({ file })
    expect(await open()).toEqual([])
    await second.append([appendOf(STREAM, ['b'])])
    await first.close()
    await second.close()
  })

  it.each(['messages.sqlite', 'messages.sqlite-wal', 'messages.sqlite-shm'])('are not followed as symbolic links: %s', async (name) => {
    const file = join(dir, 'messages.sqlite')
    const victim = join(dir, 'victim')
    await writeFile(victim, '')
    await symlink(victim, join(dir, name))
    await expect(openSqliteEventStore({ file })).rejects.toMatchObject({
      code: 'store_corrupt',
      message: expect.stringMatching(/expected a plain file, found a symbolic link/),
    })
    expect(await readFile(victim, 'utf8')).toBe('')
  })

  it('that are a named pipe are refused at once', async () => {
    execFileSync('mkfifo', [join(dir, 'messages.sqlite')])
    await expect(openSqliteEventStore({ file: join(dir, 'messages.sqlite') })).rejects.toMatchObject({ code: 'store_corrupt' })
  })
})
