import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AppendRequest, CommsError, type EventStore, memoryEventStore } from '@pipe-comms/core'
import { aMessage, appendOf } from '@pipe-comms/core/conformance'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { drainSpoolLeftovers, type FileSpool, type FileSpoolOptions, listSpoolLeftovers, openFileSpool } from './index.ts'

const STREAM = 'whatsapp:+33639980001'
const signal = new AbortController().signal

let dir: string
let log: EventStore
let opened: FileSpool[]
/** What the store says instead of recording, if anything. */
let fault: (requests: readonly AppendRequest[]) => CommsError | undefined
const store = (): EventStore => ({
  append: async (requests) => {
    const error = fault(requests)
    if (error) throw error
    return log.append(requests)
  },
  find: (key) => log.find(key),
  readStream: (...given) => log.readStream(...given),
  readAll: (...given) => log.readAll(...given),
  close: () => log.close(),
})
const keysInLog = async (of: EventStore = log) => {
  const keys: string[] = []
  for await (const event of of.readAll()) keys.push(event.idempotencyKey)
  return keys
}
const open = async (options: Partial<FileSpoolOptions> = {}) => {
  const spool = await openFileSpool({ dir, ...options })
  opened.push(spool)
  return spool
}
const put = async (spool: FileSpool, ...keys: string[]) => {
  for (const key of keys) await spool.put([appendOf(STREAM, [key])])
}
/** The store refuses these keys with this error. */
const refuse = (code: 'event_invalid' | 'store_unavailable', ...keys: string[]) => {
  fault = (requests) =>
    requests.some(({ events }) => events.some(({ idempotencyKey }) => keys.includes(idempotencyKey)))
      ? new CommsError(code, 'refused')
      : undefined
}
const foldersLeft = async () => (await readdir(dir)).filter((name) => name.startsWith('instance-'))
const filesOf = async (folder: string) => (await readdir(folder)).filter((name) => name.startsWith('spool-')).sort()

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-spool-'))
  log = memoryEventStore()
  opened = []
  fault = () => undefined
})
afterEach(async () => {
  await Promise.all(opened.map((spool) => spool.close()))
  await rm(dir, { recursive: true })
})

describe('a file spool', () => {
  it('drains in the order of coming, across a restart, and only once', async () => {
    const spool = await open()
    await put(spool, ...Array.from({ length: 12 }, (_, index) => `k${index}`))
    await spool.close()
    const again = await open()
    await again.put([appendOf(STREAM, ['k12', 'k13'])])
    expect(await again.size()).toBe(13)
    await log.append([appendOf(STREAM, ['k3'])])
    expect(await again.drain(store(), { signal })).toEqual({ recorded: 13, left: 0, setAside: [] })
    expect(await keysInLog()).toEqual(['k3', 'k0', 'k1', 'k2', 'k4', 'k5', 'k6', 'k7', 'k8', 'k9', 'k10', 'k11', 'k12', 'k13'])
    await again.close()
    expect(await (await open()).size()).toBe(0)
    expect(await foldersLeft()).toEqual([])
  })

  it('keeps the order of the calls of put, also when none is waited for', async () => {
    const spool = await open()
    const keys = Array.from({ length: 350 }, (_, index) => `k${index}`)
    const puts = keys.map((key) => spool.put([appendOf(STREAM, [key])]))
    expect(await spool.size()).toBe(350)
    await Promise.all(puts)
    expect(await spool.size()).toBe(350)
    await spool.drain(store(), { signal })
    expect(await keysInLog()).toEqual(keys)
  })

  it('stops when the store is away, removes nothing, and goes on later', async () => {
    const spool = await open()
    await put(spool, 'a', 'b', 'c')
    refuse('store_unavailable', 'b')
    expect(await spool.drain(store(), { signal })).toMatchObject({ recorded: 0, left: 3, unavailable: { code: 'store_unavailable' } })
    fault = () => undefined
    expect(await spool.drain(store(), { signal })).toEqual({ recorded: 3, left: 0, setAside: [] })
    expect(await keysInLog()).toEqual(['a', 'b', 'c'])
  })

  it('sets poison aside after maxTries and never lets it block the others', async () => {
    const spool = await open({ maxTries: 2 })
    await put(spool, 'a', 'poison', 'c')
    refuse('event_invalid', 'poison')
    expect(await spool.drain(store(), { signal })).toEqual({ recorded: 2, left: 1, setAside: [] })
    const { setAside, left } = await spool.drain(store(), { signal })
    expect([setAside.length, left]).toEqual([1, 0])
    expect(await readFile(setAside[0] as string, 'utf8')).toContain('poison')
    expect(await keysInLog()).toEqual(['a', 'c'])
  })

  it('records what lies beside a damaged line, and sets the file aside under its name', async () => {
    const spool = await open()
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => put(spool, key)))
    await spool.close()
    const [folder] = await listSpoolLeftovers(dir)
    // The first call is written at once, the others together.
    const [, name] = await filesOf(folder?.folder as string)
    const path = join(folder?.folder as string, name as string)
    const bytes = await readFile(path)
    const place = bytes.indexOf('"c"') + 1
    bytes[place] = 'x'.charCodeAt(0)
    await writeFile(path, bytes)
    const errors: string[] = []
    const logger = { debug() {}, info() {}, warn() {}, error: (message: string) => errors.push(message) }
    const { recorded, left, setAside } = await (await open({ logger })).drain(store(), { signal })
    expect([recorded, left, await keysInLog()]).toEqual([3, 0, ['a', 'b', 'd']])
    expect(await readFile(setAside[0] as string)).toEqual(bytes)
    expect(errors).toEqual([expect.stringContaining(setAside[0] as string)])
  })

  it('sets aside a file of zeros, a cut file and a file of something else, and drains the rest', async () => {
    const spool = await open()
    await put(spool, 'a', 'b', 'c', 'd')
    await spool.close()
    const [folder] = await listSpoolLeftovers(dir)
    const paths = (await filesOf(folder?.folder as string)).map((name) => join(folder?.folder as string, name))
    await writeFile(paths[0] as string, Buffer.alloc(500))
    await writeFile(paths[1] as string, (await readFile(paths[1] as string)).subarray(0, 100))
    await writeFile(paths[2] as string, '{"hello":"world"}\n')
    const { recorded, setAside } = await (await open()).drain(store(), { signal })
    expect([recorded, setAside.length, await keysInLog()]).toEqual([1, 3, ['d']])
  })

  it('never replaces what was set aside before', async () => {
    for (const turn of [1, 2]) {
      await writeFile(join(dir, 'spool-000000000000001.json'), `{broken ${turn}`)
      await (await open()).drain(store(), { signal })
    }
    const names = await readdir(join(dir, 'set-aside'))
    expect(await Promise.all(names.sort().map((name) => readFile(join(dir, 'set-aside', name), 'utf8')))).toEqual([
      '{broken 2',
      '{broken 1',
    ])
  })

  it('refuses more than maxBytes, and takes it when there is room again', async () => {
    const spool = await open({ maxBytes: 1200 })
    await put(spool, 'a', 'b')
    await expect(put(spool, 'c')).rejects.toMatchObject({ code: 'store_overloaded', message: expect.stringContaining(dir) })
    await spool.drain(store(), { signal })
    await put(spool, 'c')
    expect(await spool.size()).toBe(1)
  })

  it('refuses more than maxWaiting puts, those under way included', async () => {
    const spool = await open({ maxWaiting: 2 })
    const puts = await Promise.allSettled(['a', 'b', 'c'].map((key) => put(spool, key)))
    expect(puts.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    await expect(put(spool, 'd')).rejects.toMatchObject({ code: 'store_overloaded' })
  })

  it('refuses what a disk that does not keep up would keep in memory', async () => {
    const spool = await open()
    const large = { ...appendOf(STREAM, ['a']), events: [aMessage('large', 'x'.repeat(30_000_000))] }
    const puts = await Promise.allSettled([large, large, large].map((request) => spool.put([request])))
    expect(puts).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }, { reason: { code: 'store_overloaded' } }])
    await put(spool, 'small')
  })

  it('refuses options that make no sense', async () => {
    await expect(openFileSpool({} as FileSpoolOptions)).rejects.toThrow('openFileSpool: dir: expected the path of a folder')
    for (const name of ['maxBytes', 'maxWaiting', 'maxTries'])
      await expect(openFileSpool({ dir, [name]: '10' as unknown as number })).rejects.toThrow(
        `openFileSpool: ${name}: expected a whole number`,
      )
  })

  it('says so when the folder is gone', async () => {
    const spool = await open({ dir: join(dir, 'sub') })
    await rm(join(dir, 'sub'), { recursive: true })
    await expect(put(spool, 'a')).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  it('makes another folder when someone removed its own', async () => {
    const spool = await open()
    await put(spool, 'a')
    for (const name of await foldersLeft()) await rm(join(dir, name), { recursive: true })
    await expect(put(spool, 'b')).rejects.toMatchObject({ code: 'store_unavailable' })
    await put(spool, 'c')
    await spool.drain(store(), { signal })
    expect(await keysInLog()).toEqual(['c'])
  })

  it('is closed to other users of the machine and follows no link', async () => {
    await writeFile(join(dir, 'elsewhere'), JSON.stringify([appendOf(STREAM, ['elsewhere'])]))
    await symlink(join(dir, 'elsewhere'), join(dir, 'spool-000000000000001.json'))
    await mkdir(join(dir, 'other'))
    await symlink(join(dir, 'other'), join(dir, 'instance-000001'))
    const spool = await open()
    await put(spool, 'a')
    const folder = join(dir, (await foldersLeft()).at(-1) as string)
    const modes = await Promise.all(
      [folder, ...(await filesOf(folder)).map((name) => join(folder, name))].map(async (path) => (await stat(path)).mode),
    )
    for (const mode of modes) expect(mode & 0o027).toBe(0)
    await spool.drain(store(), { signal })
    expect(await keysInLog()).toEqual(['a'])
    expect(await readdir(join(dir, 'other'))).toEqual([])
  })
})

describe('file spools that share a folder', () => {
  it('keep what is theirs apart: each drains its own, and nothing of a living one is touched', async () => {
    const [first, second] = [await open(), await open()]
    await Promise.all([put(first, 'a1', 'a2'), put(second, 'b1', 'b2')])
    await second.drain(store(), { signal })
    expect(await keysInLog()).toEqual(['b1', 'b2'])
    expect([await first.size(), await second.size()]).toEqual([2, 0])
    await first.drain(store(), { signal })
    expect((await keysInLog()).sort()).toEqual(['a1', 'a2', 'b1', 'b2'])
  })

  it('take over what a closed one left, also when they run already, and exactly one of them does', async () => {
    for (let round = 0; round < 20; round += 1) {
      const survivors = await Promise.all(Array.from({ length: 3 }, () => open()))
      const gone = await open()
      await put(gone, `a${round}`, `b${round}`)
      await gone.close()
      const logs = survivors.map(() => memoryEventStore())
      await Promise.all(survivors.map((spool, index) => spool.drain(logs[index] as EventStore, { signal })))
      expect((await Promise.all(logs.map((each) => keysInLog(each)))).flat()).toEqual([`a${round}`, `b${round}`])
      await Promise.all(survivors.map((spool) => spool.close()))
    }
    expect(await foldersLeft()).toEqual([])
  })

  it('record what earlier instances left before what came later, also while another one drains it', async () => {
    const gone = await open()
    await put(gone, 'early')
    await gone.close()
    const other = await open()
    refuse('store_unavailable', 'early')
    await other.drain(store(), { signal })
    const restarted = await open()
    await put(restarted, 'late')
    expect(await restarted.size()).toBe(2)
    fault = () => undefined
    expect(await restarted.drain(store(), { signal })).toMatchObject({ recorded: 0, left: 2 })
    await other.drain(store(), { signal })
    expect(await restarted.drain(store(), { signal })).toEqual({ recorded: 1, left: 0, setAside: [] })
    expect(await keysInLog()).toEqual(['early', 'late'])
  })

  it('drain the flat files of an older release first, in their order', async () => {
    for (const [index, key] of ['x', 'y'].entries())
      await writeFile(join(dir, `spool-00000000000000${index + 1}.json`), JSON.stringify([appendOf(STREAM, [key])]))
    const spool = await open()
    await put(spool, 'z')
    expect(await spool.drain(store(), { signal })).toEqual({ recorded: 3, left: 0, setAside: [] })
    expect(await keysInLog()).toEqual(['x', 'y', 'z'])
  })
})

describe('what is left in a spool', () => {
  it('is listed by folder, with its count, its age and whether its owner lives', async () => {
    expect(await listSpoolLeftovers(join(dir, 'missing'))).toEqual([])
    await writeFile(join(dir, 'spool-000000000000001.json'), JSON.stringify([appendOf(STREAM, ['x'])]))
    const gone = await open()
    await put(gone, 'a', 'b')
    await gone.close()
    await put(await open(), 'c')
    expect(await listSpoolLeftovers(dir)).toEqual([
      { folder: dir, waiting: 1, bytes: expect.any(Number), oldest: expect.stringMatching(/^20/), owner: 'dead' },
      expect.objectContaining({ folder: join(dir, 'instance-000001'), waiting: 2, owner: 'dead', pid: process.pid }),
      expect.objectContaining({ folder: join(dir, 'instance-000002'), waiting: 1, owner: 'alive', pid: process.pid }),
    ])
  })

  it('is drained into any store, but for what a living owner has', async () => {
    const gone = await open()
    await put(gone, 'a')
    await gone.close()
    await put(await open(), 'b')
    await writeFile(join(dir, 'spool-000000000000001.json'), '{broken')
    const report = await drainSpoolLeftovers({ dir, store: store() })
    expect(report).toMatchObject({ recorded: 1, left: 0, setAside: [expect.stringContaining('set-aside')] })
    expect(await keysInLog()).toEqual(['a'])
    expect(await drainSpoolLeftovers({ dir: join(dir, 'missing'), store: store() })).toMatchObject({ recorded: 0, left: 0 })
  })

  it('stays, and is reported, when the store does not take it', async () => {
    const gone = await open()
    await put(gone, 'a')
    await gone.close()
    refuse('store_unavailable', 'a')
    expect(await drainSpoolLeftovers({ dir, store: store() })).toMatchObject({ left: 1, unavailable: { code: 'store_unavailable' } })
    expect(await listSpoolLeftovers(dir)).toMatchObject([{ waiting: 1, owner: 'dead' }])
  })
})
