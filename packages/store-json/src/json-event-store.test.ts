import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { appendFile, mkdtemp, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventStore, Logger, RecordedEvent } from '@pipe-comms/core'
import { aMessage, appendOf } from '@pipe-comms/core/conformance'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openJsonEventStore } from './index.ts'

const STREAM = 'whatsapp:+33639980001'
const JAN_6 = Date.UTC(2026, 0, 6, 23, 59, 59)
const FILE = 'message_events_2026-01-06.jsonl'

let dir: string
let now: number
let told: string[]
let opened: EventStore[]

const logger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (message) => told.push(`warn ${message}`),
  error: (message) => told.push(`error ${message}`),
}
const openStore = async (at = dir) => {
  const store = await openJsonEventStore({ dir: at, clock: { now: () => now }, logger })
  opened.push(store)
  return store
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-json-'))
  now = JAN_6
  told = []
  opened = []
})
afterEach(async () => {
  for (const store of opened) await store.close()
  await rm(dir, { recursive: true })
})

async function keysIn(store: EventStore, after?: string): Promise<string[]> {
  const found: string[] = []
  for await (const event of store.readAll(after === undefined ? {} : { after })) found.push(event.idempotencyKey)
  return found
}

const linesOf = async (name: string) => (await readFile(join(dir, name), 'utf8')).trimEnd().split('\n')
const dayFiles = async () => (await readdir(dir)).filter((name) => name.endsWith('.jsonl'))

describe('day files', () => {
  it('hold one JSON line an event, named by the day in UTC', async () => {
    const store = await openStore()
    await store.append([appendOf(STREAM, ['a', 'b'])])
    now += 1000
    await store.append([appendOf(STREAM, ['c'])])
    expect(await dayFiles()).toEqual([FILE, 'message_events_2026-01-07.jsonl'])
    expect((await linesOf(FILE)).map((line) => JSON.parse(line).idempotencyKey)).toEqual(['a', 'b'])
    expect(JSON.parse((await linesOf('message_events_2026-01-07.jsonl'))[0] as string)).toMatchObject({ version: 3, streamId: STREAM })
  })

  it('keep positions true across restarts and day changes', async () => {
    let store = await openStore()
    for (const key of ['a', 'b', 'c', 'd']) {
      await store.append([appendOf(STREAM, [key])])
      now += 12 * 3600_000
      await store.close()
      store = await openStore()
    }
    const positions: string[] = []
    for await (const { position } of store.readAll()) positions.push(position)
    expect([...positions].sort()).toEqual(positions)
    for (const [index, position] of positions.entries())
      expect(await keysIn(store, position)).toEqual(['a', 'b', 'c', 'd'].slice(index + 1))
  })

  it('never go back to an older day when the clock does', async () => {
    const store = await openStore()
    await store.append([appendOf(STREAM, ['a'])])
    now -= 48 * 3600_000
    await store.append([appendOf(STREAM, ['b'])])
    expect(await dayFiles()).toEqual([FILE])
    expect(await keysIn(store)).toEqual(['a', 'b'])
  })

  it('leave other files in the folder alone', async () => {
    await writeFile(join(dir, 'message_events_2026-01-05.json'), '[]')
    await writeFile(join(dir, 'notes.txt'), 'mine')
    const store = await openStore()
    await store.append([appendOf(STREAM, ['a'])])
    expect(await keysIn(store)).toEqual(['a'])
    expect(await readFile(join(dir, 'notes.txt'), 'utf8')).toBe('mine')
  })
})

describe('a log that a crash left half-written', () => {
  const crashed = async (tail: string | Buffer) => {
    const store = await openStore()
    await store.append([appendOf(STREAM, ['a', 'b'])])
    await store.close()
    await appendFile(join(dir, FILE), tail)
    return openStore()
  }

  it.each([
    ['a torn line', '{"id":"evt_1","type":"mess'],
    ['a whole line without its newline', '{"id":"evt_1"}'],
    ['zeros', Buffer.alloc(5000)],
    ['broken bytes', Buffer.from([0xff, 0xfe, 0x0a, 0xc3])],
  ])('opens; %s at the end is moved aside and reported', async (_, tail) => {
    const store = await crashed(tail)
    expect(await keysIn(store)).toEqual(['a', 'b'])
    const aside = (await readdir(dir)).find((name) => name.includes('.torn-')) as string
    expect(await readFile(join(dir, aside))).toEqual(Buffer.from(tail))
    expect(told).toEqual([expect.stringMatching(/^warn .*bytes that a crash left half-written/)])
    await store.append([appendOf(STREAM, ['c'], 2)])
    await store.close()
    expect(await keysIn(await openStore())).toEqual(['a', 'b', 'c'])
    expect(told).toHaveLength(1)
  })

  it('has no part of a request that was cut in two', async () => {
    const store = await openStore()
    await store.append([appendOf(STREAM, ['a'])])
    await store.append([appendOf(STREAM, ['b', 'c', 'd'])])
    await store.close()
    const lines = await linesOf(FILE)
    await writeFile(join(dir, FILE), `${lines.slice(0, 3).join('\n')}\n`)
    const again = await openStore()
    expect(await keysIn(again)).toEqual(['a'])
    const [result] = await again.append([appendOf(STREAM, ['b', 'c', 'd'], 1)])
    expect(result).toMatchObject({ status: 'recorded', version: 4 })
  })

  it('reads event.unreadable in the place of a line damaged from outside, which is reported and left for repair', async () => {
    const store = await openStore()
    for (const key of ['a', 'b', 'c']) await store.append([appendOf(STREAM, [key])])
    await store.close()
    const lines = await linesOf(FILE)
    lines[1] = `#${lines[1]?.slice(1)}`
    await writeFile(join(dir, FILE), `${lines.join('\n')}\n`)
    const again = await openStore()
    const read: RecordedEvent[] = []
    for await (const event of again.readAll()) read.push(event)
    expect(read.map(({ type, idempotencyKey, version }) => [type, idempotencyKey, version])).toEqual([
      ['message.received', 'a', 1],
      ['event.unreadable', 'b', 2],
      ['message.received', 'c', 3],
    ])
    expect(told).toEqual([
      expect.stringMatching(/^warn .*index is not of this day file/),
      expect.stringMatching(/^error .*the line at byte \d+ is damaged/),
    ])
    expect(await again.append([appendOf(STREAM, ['d'], 3)])).toMatchObject([{ status: 'recorded', version: 4 }])
    expect(await linesOf(FILE)).toHaveLength(4)
  })
})

describe('the side index', () => {
  const filled = async () => {
    const store = await openStore()
    for (let index = 0; index < 30; index += 1)
      await store.append([appendOf(`whatsapp:+3363998000${index % 3}`, [`k${index}`, `é${index}`])])
    await store.close()
  }
  const expectWhole = async (store: EventStore, more: readonly string[] = []) => {
    const all = Array.from({ length: 30 }, (_, index) => [`k${index}`, `é${index}`]).flat()
    expect(await keysIn(store)).toEqual([...all, ...more])
    for (const key of all) expect((await store.find(key))?.idempotencyKey).toBe(key)
    expect(await store.find('k30')).toBeUndefined()
    const versions: number[] = []
    for await (const event of store.readStream('whatsapp:+33639980001', { fromVersion: 3 })) versions.push(event.version)
    expect(versions).toEqual(Array.from({ length: 18 }, (_, index) => index + 3))
    expect(await store.append([appendOf('whatsapp:+33639980002', ['x'], 0)])).toEqual([{ status: 'conflict', actualVersion: 20 }])
  }

  it('serves the next opening, and what came after it is read from the day file', async () => {
    await filled()
    const index = await readFile(join(dir, `${FILE}.index`))
    const store = await openStore()
    await expectWhole(store)
    await store.append([appendOf('whatsapp:lid:1', ['later'])])
    await store.close()
    await writeFile(join(dir, `${FILE}.index`), index)
    await expectWhole(await openStore(), ['later'])
    expect(told).toEqual([])
  })

  it('of a day that is over is written when the next begins', async () => {
    const store = await openStore()
    await store.append([appendOf(STREAM, ['a'])])
    now += 1000
    await store.append([appendOf(STREAM, ['b'])])
    expect(await readdir(dir)).toContain(`${FILE}.index`)
  })

  it.each([
    ['cut off', (index: Buffer) => index.subarray(0, index.length - 3)],
    ['empty', () => Buffer.alloc(0)],
    ['with one bit turned', (index: Buffer) => Buffer.from(index.map((byte, at) => (at === index.length - 5 ? byte ^ 1 : byte)))],
    ['that is text', () => Buffer.from('not an index at all')],
  ])('%s is thrown away and made anew', async (_, damage) => {
    await filled()
    const path = join(dir, `${FILE}.index`)
    const good = await readFile(path)
    await writeFile(path, damage(good))
    const store = await openStore()
    await expectWhole(store)
    await store.close()
    expect(await readFile(path)).toEqual(good)
  })

  it('of a day file that was changed is thrown away', async () => {
    await filled()
    const text = await readFile(join(dir, FILE), 'utf8')
    await writeFile(join(dir, FILE), text.replace('"k7"', '"K7"'))
    const store = await openStore()
    expect(await store.find('k7')).toBeUndefined()
    expect((await store.find('K7'))?.idempotencyKey).toBe('K7')
    expect(told).toEqual([expect.stringMatching(/index is not of this day file/)])
  })
})

describe('the lock', () => {
  it('refuses a second writer, saying who holds the folder', async () => {
    const store = await openStore()
    await expect(openJsonEventStore({ dir })).rejects.toMatchObject({
      code: 'store_locked',
      message: expect.stringContaining(`${dir} is written by process ${process.pid}`),
    })
    await store.close()
    await openStore()
  })

  it('lets exactly one of many that come at once through', async () => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => openStore()))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('survives a crash of the first: a killed process holds nothing', async () => {
    const core = new URL('./index.ts', import.meta.url).href
    const script = `import { openJsonEventStore } from '${core}'; await openJsonEventStore({ dir: ${JSON.stringify(dir)} }); console.log('open'); setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--conditions=@pipe-comms/source', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    await expect(openJsonEventStore({ dir })).rejects.toMatchObject({ message: expect.stringContaining(`process ${child.pid}`) })
    child.kill('SIGKILL')
    await once(child, 'exit')
    const store = await openStore()
    expect(await store.append([appendOf(STREAM, ['a'])])).toMatchObject([{ status: 'recorded' }])
  })

  it('says how long to wait for a holder whose process cannot be seen, as after a reboot or in a copied folder', async () => {
    await (await openStore()).close()
    const [name] = (await readdir(dir)).filter((file) => file.startsWith('writer.lock')) as [string]
    const holder = JSON.parse(await readFile(join(dir, name), 'utf8'))
    await writeFile(join(dir, name), JSON.stringify({ ...holder, released: false, place: 'another boot' }))
    await expect(openJsonEventStore({ dir })).rejects.toMatchObject({
      code: 'store_locked',
      message: expect.stringMatching(/was last heard of \d s ago: .*gone with its machine or container, try again in (5\d|60) s/),
    })
    const twoMinutesAgo = new Date(Date.now() - 120_000)
    await utimes(join(dir, name), twoMinutesAgo, twoMinutesAgo)
    await openStore()
  })

  it('takes over from a process whose number was given to another', async () => {
    await (await openStore()).close()
    const [name] = (await readdir(dir)).filter((file) => file.startsWith('writer.lock')) as [string]
    const holder = JSON.parse(await readFile(join(dir, name), 'utf8'))
    await writeFile(join(dir, name), JSON.stringify({ ...holder, released: false, pid: process.ppid, startedAt: '1' }))
    await openStore()
  })
})

describe('a disk that fails', () => {
  it('is told with its path when the file is replaced under the store', async () => {
    const store = await openStore()
    await store.append([appendOf(STREAM, ['a'])])
    await rename(join(dir, FILE), join(dir, 'elsewhere'))
    await expect(store.append([appendOf(STREAM, ['b'])])).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining(FILE),
    })
    await rename(join(dir, 'elsewhere'), join(dir, FILE))
    await store.append([appendOf(STREAM, ['b'])])
    expect(await keysIn(store)).toEqual(['a', 'b'])
  })

  const mount = mountTmpfs()
  it.skipIf(!mount)(
    'loses nothing acknowledged when it is full, and goes on when there is space (needs the right to mount a tmpfs)',
    async () => {
      const small = mount as string
      try {
        const store = await openStore(small)
        const acknowledged: string[] = []
        let full: unknown
        for (let round = 0; full === undefined; round += 1) {
          const atOnce = [0, 1, 2].map((index) => {
            const key = `k${3 * round + index}`
            return store.append([{ streamId: `${STREAM}${index}`, events: [aMessage(key, 'x'.repeat(20_000))] }]).then(
              () => acknowledged.push(key),
              (error: unknown) => {
                full = error
              },
            )
          })
          await Promise.all(atOnce)
        }
        expect(full).toMatchObject({
          code: 'store_unavailable',
          message: expect.stringMatching(/message_events_2026-01-06\.jsonl: ENOSPC/),
        })
        expect(await keysIn(store)).toEqual(acknowledged)
        await rm(join(small, 'ballast'))
        await store.append([appendOf(STREAM, ['after'])])
        await store.close()
        const again = await openStore(small)
        expect(await keysIn(again)).toEqual([...acknowledged, 'after'])
        expect(told).toEqual([])
        await again.close()
      } finally {
        execFileSync('umount', [small])
      }
    },
  )

  const full = mountTmpfs()
  it.skipIf(!full)(
    'opens to read when it is full, refuses appends, and takes them when there is space (needs the right to mount a tmpfs)',
    async () => {
      const small = full as string
      try {
        const before = await openStore(small)
        await before.append([appendOf(STREAM, ['a'])])
        fillUp(small)
        await before.close()
        expect(told).toEqual([expect.stringContaining('.index could not be written')])
        const store = await openStore(small)
        expect(told.slice(1)).toEqual([expect.stringMatching(/^error .*the disk is full. The log is open to read/)])
        expect(await keysIn(store)).toEqual(['a'])
        expect(await store.find('a')).toMatchObject({ idempotencyKey: 'a' })
        await expect(store.append([appendOf(STREAM, ['b'])])).rejects.toMatchObject({
          code: 'store_unavailable',
          message: expect.stringContaining('the disk is full'),
        })
        await rm(join(small, 'ballast'))
        await store.append([appendOf(STREAM, ['b'], 1)])
        expect(await keysIn(store)).toEqual(['a', 'b'])
        await expect(openJsonEventStore({ dir: small })).rejects.toMatchObject({ code: 'store_locked' })
        fillUp(small)
        await store.close()
        expect(await keysIn(await openStore(small))).toEqual(['a', 'b'])
      } finally {
        for (const store of opened) await store.close()
        execFileSync('umount', [small])
      }
    },
  )

  const torn = mountTmpfs()
  it.skipIf(!torn)('opens to read when it is full and a crash left a torn end (needs the right to mount a tmpfs)', async () => {
    const small = torn as string
    try {
      const before = await openStore(small)
      await before.append([appendOf(STREAM, ['a'])])
      await before.close()
      await appendFile(join(small, FILE), `{"id":"evt_1${'x'.repeat(30_000)}`)
      fillUp(small)
      // Room for the lock, and not for what would be moved aside.
      await truncate(join(small, 'ballast'), (await stat(join(small, 'ballast'))).size - 8192)
      const store = await openStore(small)
      expect(told).toEqual([expect.stringMatching(/^error .*the disk is full. The log is open to read/)])
      expect(await keysIn(store)).toEqual(['a'])
      await rm(join(small, 'ballast'))
      await store.append([appendOf(STREAM, ['b'], 1)])
      expect(await keysIn(store)).toEqual(['a', 'b'])
      expect((await readdir(small)).filter((name) => name.includes('.torn-'))).toHaveLength(1)
    } finally {
      for (const store of opened) await store.close()
      execFileSync('umount', [small])
    }
  })

  const readOnly = mountTmpfs()
  it.skipIf(!readOnly)('that is read-only is said so (needs the right to mount a tmpfs)', async () => {
    const small = readOnly as string
    try {
      execFileSync('mount', ['-o', 'remount,ro', small])
      for (const folder of [small, join(small, 'new', 'logs')]) {
        await expect(openJsonEventStore({ dir: folder })).rejects.toMatchObject({
          code: 'store_unavailable',
          message: expect.stringMatching(/EROFS.*the file system is read-only/),
        })
      }
    } finally {
      execFileSync('umount', [small])
    }
  })

  it('is told with its path when the folder cannot be made', async () => {
    await writeFile(join(dir, 'file'), '')
    await expect(openJsonEventStore({ dir: join(dir, 'file', 'logs') })).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining(join(dir, 'file', 'logs')),
    })
  })
})

it('keeps what a caller does to its objects while they wait out of the log', async () => {
  const store = await openStore()
  const event = aMessage('mine', 'before')
  const appended = store.append([{ streamId: STREAM, events: [event] }])
  event.data.text = 'after'
  event.idempotencyKey = 'other'
  await appended
  expect((await store.find('mine')) as RecordedEvent).toMatchObject({ data: { text: 'before' } })
})

it('refuses options without a folder', async () => {
  await expect(openJsonEventStore({ dir: '' })).rejects.toMatchObject({ code: 'configuration_invalid' })
})

/** A folder of one megabyte with 200 kB of ballast in it, or nothing where this user may not mount. */
function mountTmpfs(): string | undefined {
  const at = mkdtempSync(join(tmpdir(), 'pipe-comms-small-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at], { stdio: 'ignore' })
    execFileSync('dd', ['if=/dev/zero', `of=${join(at, 'ballast')}`, 'bs=1k', 'count=200'], { stdio: 'ignore' })
    return at
  } catch {
    rmdirSync(at)
    return undefined
  }
}

/** Writes to the last byte. */
function fillUp(at: string): void {
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${join(at, 'ballast')}`, 'bs=1k', 'oflag=append', 'conv=notrunc'], { stdio: 'ignore' })
  } catch {
    // dd ends with the error of the full disk.
  }
}
