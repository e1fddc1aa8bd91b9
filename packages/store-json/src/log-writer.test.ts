import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type DayFile, dayFileAt } from './day-file.ts'
import { LogWriter } from './log-writer.ts'

let dir: string
let writer: LogWriter

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-json-'))
  writer = new LogWriter()
})
afterEach(async () => {
  await writer.close()
  await rm(dir, { recursive: true })
})

const textOf = ({ path }: DayFile) => readFile(path, 'utf8')

describe('LogWriter', () => {
  it('tells of bytes as durable when they were synced, not before', async () => {
    const file = dayFileAt(dir, '2026-01-06')
    await writer.use(file)
    writer.write(Buffer.from('one\n'))
    expect([file.size, writer.end]).toEqual([0, 4])
    const syncing = writer.sync(false)
    writer.write(Buffer.from('two\n'))
    await syncing
    expect([file.size, writer.end]).toEqual([4, 8])
    expect(file.crc).toBe(crc32('one\n'))
    await writer.sync(true)
    expect([file.size, file.crc]).toEqual([8, crc32('one\ntwo\n')])
  })

  it('never takes bytes for less durable than they were, whichever of two syncs ends first', async () => {
    const file = dayFileAt(dir, '2026-01-06')
    await writer.use(file)
    // A quick disk is waited for in place from the second sync on.
    writer.write(Buffer.from('o'))
    await writer.sync(false)
    writer.write(Buffer.from('ne\n'))
    const first = writer.sync(false)
    writer.write(Buffer.from('two\n'))
    await Promise.all([writer.sync(true), first])
    expect([file.size, file.crc]).toEqual([8, crc32('one\ntwo\n')])
  })

  it('takes back what is not durable, and goes on behind what is', async () => {
    const file = dayFileAt(dir, '2026-01-06')
    await writer.use(file)
    writer.write(Buffer.from('kept\n'))
    await writer.sync(false)
    writer.write(Buffer.from('lost\n'))
    writer.takeBack()
    expect(await textOf(file)).toBe('kept\n')
    writer.write(Buffer.from('next\n'))
    await writer.sync(false)
    expect(await textOf(file)).toBe('kept\nnext\n')
    expect(file.crc).toBe(crc32('kept\nnext\n'))
  })

  it('makes one day durable before it goes on to the next', async () => {
    const [first, second] = [dayFileAt(dir, '2026-01-06'), dayFileAt(dir, '2026-01-07')]
    await writer.use(first)
    writer.write(Buffer.from('one\n'))
    await writer.use(second)
    expect(first.size).toBe(4)
    expect((await stat(second.path)).size).toBe(0)
    expect(writer.end).toBe(0)
  })

  it('refuses a file that somebody else wrote to, naming it', async () => {
    const file = dayFileAt(dir, '2026-01-06')
    await writer.use(file)
    await appendFile(file.path, 'foreign\n')
    expect(() => writer.write(Buffer.from('ours\n'))).toThrow(`Cannot write ${file.path}: the file was changed by somebody else`)
    expect(await textOf(file)).toBe('foreign\n')
  })
})
