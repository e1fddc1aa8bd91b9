import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EventStore } from '@pipe-comms/core'
import { aMessage, appendOf } from '@pipe-comms/core/conformance'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { databaseError } from './database-error.ts'
import { openSqliteEventStore } from './index.ts'
import { whileBusy } from './while-busy.ts'

const STREAM = 'whatsapp:+33639980001'

let dir: string
let file: string
let opened: EventStore[]

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  file = join(dir, 'messages.sqlite')
  opened = []
})
afterEach(async () => {
  for (const store of opened) await store.close()
  await rm(dir, { recursive: true })
})

async function openStore(at = file): Promise<EventStore> {
  const store = await openSqliteEventStore({ file: at })
  opened.push(store)
  return store
}

async function keysIn(store: EventStore): Promise<string[]> {
  const found: string[] = []
  for await (const event of store.readAll()) found.push(event.idempotencyKey)
  return found
}

describe('a disk that fails', () => {
  const mount = mountTmpfs()
  it.skipIf(!mount)(
    'loses nothing acknowledged when it is full, and goes on when there is space (needs the right to mount a tmpfs)',
    async () => {
      const small = join(mount as string, 'messages.sqlite')
      try {
        const store = await openStore(small)
        const acknowledged: string[] = []
        let full: unknown
        for (let index = 0; full === undefined; index += 1) {
          const append = store.append([{ streamId: STREAM, events: [aMessage(`k${index}`, 'x'.repeat(20_000))] }])
          await append.then(
            () => acknowledged.push(`k${index}`),
            (error: unknown) => {
              full = error
            },
          )
        }
        expect(full).toMatchObject({
          code: 'store_unavailable',
          message: expect.stringMatching(/^Cannot write .*messages\.sqlite: SQLITE_(FULL|IOERR)/),
        })
        expect(acknowledged.length).toBeGreaterThan(5)
        expect(await keysIn(store)).toEqual(acknowledged)
        await rm(join(mount as string, 'ballast'))
        await store.append([appendOf(STREAM, ['after'])])
        await store.close()
        const again = await openStore(small)
        expect(await keysIn(again)).toEqual([...acknowledged, 'after'])
        await again.close()
      } finally {
        for (const store of opened) await store.close()
        execFileSync('umount', [mount as string])
        await rm(mount as string, { recursive: true })
      }
    },
  )

  it('is told with its path when the file is moved away or replaced, and forgiven when it is put back', async () => {
    const store = await openStore()
    await store.append([appendOf(STREAM, ['a'])])
    await rename(file, `${file}.away`)
    const moved = { code: 'store_unavailable', message: expect.stringContaining(`${file} was moved or replaced`) }
    await expect(store.append([appendOf(STREAM, ['b'])])).rejects.toMatchObject(moved)
    await writeFile(file, '')
    await expect(store.append([appendOf(STREAM, ['b'])])).rejects.toMatchObject(moved)
    await rename(`${file}.away`, file)
    await store.append([appendOf(STREAM, ['b'])])
    expect(await keysIn(store)).toEqual(['a', 'b'])
  })

  it('is told with its path when the folder cannot be made or the file is a folder', async () => {
    await writeFile(join(dir, 'plain'), '')
    await mkdir(file)
    for (const path of [join(dir, 'plain', 'messages.sqlite'), file]) {
      await expect(openSqliteEventStore({ file: path })).rejects.toMatchObject({
        code: 'store_unavailable',
        message: expect.stringContaining(path),
      })
    }
  })

  it.each([
    ['SQLITE_FULL', 'store_unavailable'],
    ['SQLITE_IOERR_WRITE', 'store_unavailable'],
    ['SQLITE_READONLY', 'store_unavailable'],
    ['SQLITE_CANTOPEN', 'store_unavailable'],
    ['SQLITE_BUSY', 'store_unavailable'],
    ['SQLITE_CORRUPT_INDEX', 'store_corrupt'],
    ['SQLITE_NOTADB', 'store_corrupt'],
    ['SQLITE_CONSTRAINT_UNIQUE', 'store_corrupt'],
    ['SQLITE_TOOBIG', 'event_invalid'],
  ])('reports %s as %s', (code, expected) => {
    const cause = new Database.SqliteError('the reason', code)
    const error = databaseError('Cannot write', file, cause)
    expect(error).toMatchObject({ code: expected, cause, message: expect.stringContaining(`Cannot write ${file}: ${code} the reason`) })
  })
})

describe("another connection's lock", () => {
  it('makes an append wait, while the event loop turns', async () => {
    const store = await openStore()
    const other = new Database(file)
    other.exec('BEGIN IMMEDIATE')
    let turns = 0
    const ticking = setInterval(() => {
      turns += 1
    }, 1)
    let done = false
    const append = store.append([appendOf(STREAM, ['a'])]).then(() => {
      done = true
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    clearInterval(ticking)
    expect(done).toBe(false)
    expect(turns).toBeGreaterThan(50)
    other.exec('COMMIT')
    other.close()
    await append
    expect(await keysIn(store)).toEqual(['a'])
  })

  it('that is never given back ends as store_unavailable, and nothing is recorded', async () => {
    const store = await openStore()
    const other = new Database(file)
    other.exec('BEGIN IMMEDIATE')
    await expect(store.append([appendOf(STREAM, ['a'])])).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringContaining(`Cannot write ${file}: SQLITE_BUSY`),
    })
    other.exec('COMMIT')
    other.close()
    expect(await keysIn(store)).toEqual([])
    expect(await store.append([appendOf(STREAM, ['a'])])).toMatchObject([{ status: 'recorded', version: 1 }])
  })

  it('is waited for only as long as was said, and other errors not at all', async () => {
    let tries = 0
    const failing = (code: string) => () => {
      tries += 1
      throw new Database.SqliteError('no', code)
    }
    await expect(whileBusy(failing('SQLITE_BUSY_RECOVERY'), 60)).rejects.toMatchObject({ code: 'SQLITE_BUSY_RECOVERY' })
    expect(tries).toBeGreaterThan(2)
    tries = 0
    await expect(whileBusy(failing('SQLITE_FULL'), 60)).rejects.toMatchObject({ code: 'SQLITE_FULL' })
    expect(tries).toBe(1)
  })
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
