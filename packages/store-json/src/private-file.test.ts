import { execFileSync, spawnSync } from 'node:child_process'
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appendOf } from '@pipe-comms/core/conformance'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jsonCheckpointStore, openJsonEventStore } from './index.ts'

const STREAM = 'whatsapp:+33639980001'
const FILE = 'message_events_2026-01-06.jsonl'
const clock = { now: () => Date.UTC(2026, 0, 6, 12) }
const isWindows = process.platform === 'win32'

let dir: string
let umask: number

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-private-'))
  umask = process.umask(0)
})
afterEach(async () => {
  process.umask(umask)
  await rm(dir, { recursive: true })
})

const modes = async (folder: string): Promise<Record<string, string>> => {
  const found: Record<string, string> = {}
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const { mode } = await lstat(join(folder, name))
    if ((mode & 0o027) !== 0) found[name] = (mode & 0o777).toString(8)
  }
  return found
}

describe.skipIf(isWindows)('files of the JSON store', () => {
  it('are all closed to other users, with their folders, under an umask that would let all in', async () => {
    const logs = join(dir, 'new', 'logs')
    const store = await openJsonEventStore({ dir: logs, clock })
    await store.append([appendOf(STREAM, ['a'])])
    const checkpoints = jsonCheckpointStore({ file: join(dir, 'new', 'checkpoints', 'c.json') })
    await checkpoints.save('c', 'p')
    expect(await modes(dir)).toEqual({})
    await store.close()
    await writeFile(join(logs, FILE), `${await readFile(join(logs, FILE), 'utf8')}{"id":"evt_torn`, { mode: 0o640 })
    await (await openJsonEventStore({ dir: logs, clock })).close()
    expect(await modes(dir)).toEqual({})
    const names = (await readdir(logs)).sort()
    expect(names.filter((name) => /^(log-identity\.json|writer\.lock\.\d+)$/.test(name))).toHaveLength(2)
    expect(names).toEqual(expect.arrayContaining([FILE, `${FILE}.index`, expect.stringMatching(/\.torn-/)]))
  })

  it('that others may read are closed to them when they are opened', async () => {
    const store = await openJsonEventStore({ dir, clock })
    await store.append([appendOf(STREAM, ['a'])])
    await store.close()
    const file = join(dir, 'checkpoints.json')
    await jsonCheckpointStore({ file }).save('c', 'p')
    for (const name of await readdir(dir)) await chmod(join(dir, name), 0o666)
    const again = await openJsonEventStore({ dir, clock })
    await jsonCheckpointStore({ file }).load('c')
    expect(await modes(dir)).toEqual({})
    await again.close()
  })

  it.each([
    ['a day file', FILE, () => openJsonEventStore({ dir: join(dir, 'logs'), clock })],
    ['the identity', 'log-identity.json', () => openJsonEventStore({ dir: join(dir, 'logs'), clock })],
    ['the lock', 'writer.lock.00000001', () => openJsonEventStore({ dir: join(dir, 'logs'), clock })],
    ['the checkpoints', 'checkpoints.json', () => jsonCheckpointStore({ file: join(dir, 'logs', 'checkpoints.json') }).save('c', 'p')],
  ])('are not followed as symbolic links: %s', async (_, name, open) => {
    await mkdir(join(dir, 'logs'))
    const victim = join(dir, 'victim')
    await writeFile(victim, 'precious, without a newline')
    await symlink(victim, join(dir, 'logs', name))
    await expect(open()).rejects.toMatchObject({
      code: 'store_corrupt',
      message: expect.stringMatching(new RegExp(`${name.replaceAll('.', '\\.')}: expected a plain file, found a symbolic link`)),
    })
    expect(await readFile(victim, 'utf8')).toBe('precious, without a newline')
  })

  it('are not followed as symbolic links: the day file of a day that begins', async () => {
    const store = await openJsonEventStore({ dir, clock })
    const victim = join(dir, 'victim')
    await symlink(victim, join(dir, FILE))
    await expect(store.append([appendOf(STREAM, ['a'])])).rejects.toMatchObject({ code: 'store_corrupt' })
    await expect(lstat(victim)).rejects.toMatchObject({ code: 'ENOENT' })
    await rm(join(dir, FILE))
    await store.append([appendOf(STREAM, ['a'])])
    await store.close()
  })

  it('replace a side index that is a symbolic link, and leave what it leads to alone', async () => {
    const store = await openJsonEventStore({ dir, clock })
    await store.append([appendOf(STREAM, ['a'])])
    await store.close()
    const victim = join(dir, 'victim')
    await writeFile(victim, 'precious')
    await rm(join(dir, `${FILE}.index`))
    await symlink(victim, join(dir, `${FILE}.index`))
    await (await openJsonEventStore({ dir, clock })).close()
    expect((await lstat(join(dir, `${FILE}.index`))).isFile()).toBe(true)
    expect(await readFile(victim, 'utf8')).toBe('precious')
  })

  it('that are a named pipe are refused at once', async () => {
    execFileSync('mkfifo', [join(dir, FILE)])
    await expect(openJsonEventStore({ dir, clock })).rejects.toMatchObject({ code: 'store_corrupt' })
  })
})

const hasStrace = spawnSync('strace', ['-V']).status === 0 && spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0

describe('the names of new folders', () => {
  it.skipIf(!hasStrace)('are synced in the folders above them before an append is acknowledged (needs strace)', async () => {
    const trace = join(dir, 'trace')
    const logs = join(dir, 'one', 'two', 'logs')
    const index = new URL('./index.ts', import.meta.url).href
    const kit = new URL('../../comms-core/src/conformance/index.ts', import.meta.url).href
    const script = `import { openJsonEventStore } from '${index}'; import { appendOf } from '${kit}'
      const store = await openJsonEventStore({ dir: ${JSON.stringify(logs)} }); await store.append([appendOf('s', ['a'])]); await store.close()`
    const node = [process.execPath, '--conditions=@pipe-comms/source', '--input-type=module', '-e', script]
    execFileSync('strace', ['-f', '-y', '-e', 'trace=fsync,fdatasync', '-o', trace, ...node], { stdio: 'ignore' })
    const synced = (await readFile(trace, 'utf8')).split('\n').flatMap((line) => /f(?:data)?sync\(\d+<([^>]+)>/.exec(line)?.[1] ?? [])
    const firstEvent = synced.findIndex((path) => path.endsWith('.jsonl'))
    expect(firstEvent).toBeGreaterThan(0)
    for (const folder of [dir, join(dir, 'one'), join(dir, 'one', 'two'), logs]) expect(synced.slice(0, firstEvent)).toContain(folder)
  })
})
