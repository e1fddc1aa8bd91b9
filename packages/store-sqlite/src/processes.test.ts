import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { EventStore, RecordedEvent } from '@pipe-comms/core'
import { appendOf } from '@pipe-comms/core/conformance'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqliteEventStore } from './index.ts'

const SHARED = 'whatsapp:+33639980001'

let dir: string
let file: string
let children: ChildProcessByStdio<null, Readable, null>[]

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  file = join(dir, 'messages.sqlite')
  children = []
})
afterEach(async () => {
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await rm(dir, { recursive: true })
})

/** A real process with the store open as `store`, which runs `code` and tells lines. */
function inProcess(code: string): { child: ChildProcessByStdio<null, Readable, null>; lines: Interface; ended: Promise<number | null> } {
  const script = `
    import { aMessage, appendOf } from '@pipe-comms/core/conformance'
    import { openSqliteEventStore } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    const store = await openSqliteEventStore({ file: ${JSON.stringify(file)} })
    ${code}`
  const child = spawn(process.execPath, ['--conditions=@pipe-comms/source', '--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return { child, lines: createInterface(child.stdout), ended: once(child, 'exit').then(([exitCode]) => exitCode as number | null) }
}

async function collect(store: EventStore): Promise<RecordedEvent[]> {
  const found: RecordedEvent[] = []
  for await (const event of store.readAll()) found.push(event)
  return found
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** Appends one by one to the shared stream, every third time under a key that the other process claims as well. */
const writing = (name: string, count: number) => `
  let won = 0
  for (let index = 0; index < ${count}; index += 1) {
    const shared = index % 3 === 0
    const [result] = await store.append([appendOf('${SHARED}', [shared ? 'claim-' + index : '${name}-' + index])])
    if (shared && !result.events[0].repeated) won += 1
  }
  await store.close()
  console.log(won)`

describe('several processes', () => {
  it('write to one file at once: one winner a key, versions without gaps, nothing lost, nothing skipped by a reader', async () => {
    const store = await openSqliteEventStore({ file })
    const writers = ['first', 'second'].map((name) => inProcess(writing(name, 300)))
    const won = Promise.all(writers.map(async ({ lines }) => Number((await once(lines, 'line'))[0])))

    const seen: string[] = []
    let last: string | undefined
    const readOn = async () => {
      for await (const event of store.readAll(last === undefined ? {} : { after: last })) {
        seen.push(event.idempotencyKey)
        last = event.position
      }
    }
    let running = true
    const ended = Promise.all(writers.map((writer) => writer.ended)).finally(() => {
      running = false
    })
    while (running) {
      await readOn()
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(await ended).toEqual([0, 0])
    await readOn()

    const log = await collect(store)
    expect(seen).toEqual(log.map(({ idempotencyKey }) => idempotencyKey))
    expect(new Set(seen).size).toBe(seen.length)
    expect(log).toHaveLength(200 + 200 + 100)
    expect(log.map(({ version }) => version)).toEqual(upTo(500))
    expect((await won).reduce((sum, count) => sum + count)).toBe(100)
    await store.close()
  })

  it('both get their turn when both write at full speed', async () => {
    const flood = (name: string) => `
      const until = Date.now() + 1500
      let count = 0
      await Promise.all(Array.from({ length: 20 }, async (_, lane) => {
        for (let index = 0; Date.now() < until; index += 1) {
          await store.append([appendOf('sms:+120255501' + String(lane).padStart(2, '0'), ['${name}-' + lane + '-' + index])])
          count += 1
        }
      }))
      await store.close()
      console.log(count)`
    const counts = await Promise.all(['first', 'second'].map(async (name) => Number((await once(inProcess(flood(name)).lines, 'line'))[0])))
    const store = await openSqliteEventStore({ file })
    expect(await collect(store)).toHaveLength((counts[0] as number) + (counts[1] as number))
    expect(Math.min(...counts)).toBeGreaterThan(Math.max(...counts) / 20)
    await store.close()
  })

  it('see at once what another acknowledged', async () => {
    const { lines, ended } = inProcess(`
      for (let index = 0; index < 50; index += 1) {
        await store.append([appendOf('${SHARED}', ['k' + index])])
        console.log('k' + index)
      }
      await store.close()`)
    const store = await openSqliteEventStore({ file })
    let seen = 0
    for await (const key of lines) {
      expect((await store.find(key))?.idempotencyKey).toBe(key)
      seen += 1
    }
    expect(seen).toBe(50)
    expect(await ended).toBe(0)
    await store.close()
  })
})

describe('a process killed with SIGKILL while it writes', () => {
  it.each([30, 200, 700])('loses nothing acknowledged, doubles nothing (killed after %i)', async (enough) => {
    const { child, lines, ended } = inProcess(`
      await Promise.all(Array.from({ length: 20 }, async (_, lane) => {
        for (let index = 0; ; index += 1) {
          await store.append([appendOf('${SHARED}', ['k-' + lane + '-' + index + '-a', 'k-' + lane + '-' + index + '-b'])])
          console.log('k-' + lane + '-' + index)
        }
      }))`)
    const acknowledged: string[] = []
    for await (const line of lines) {
      acknowledged.push(line)
      if (acknowledged.length === enough) child.kill('SIGKILL')
    }
    expect(await ended).toBeNull()

    const store = await openSqliteEventStore({ file })
    const log = await collect(store)
    const found = log.map(({ idempotencyKey }) => idempotencyKey)
    expect(acknowledged.length).toBeGreaterThanOrEqual(enough)
    expect(acknowledged.flatMap((key) => [`${key}-a`, `${key}-b`]).filter((key) => !found.includes(key))).toEqual([])
    expect(new Set(found).size).toBe(found.length)
    expect(log.map(({ version }) => version)).toEqual(upTo(log.length))
    expect(log.length % 2, 'requests are whole').toBe(0)
    const [again] = await store.append([appendOf(SHARED, [`${acknowledged[0]}-a`, 'after'])])
    expect(again).toMatchObject({ status: 'recorded', version: log.length + 1, events: [{ repeated: true }, { repeated: false }] })
    await store.close()
  })
})

it('an open store that does nothing keeps no process alive', async () => {
  const { ended } = inProcess(`await store.append([appendOf('${SHARED}', ['a'])])`)
  expect(await ended).toBe(0)
  const store = await openSqliteEventStore({ file })
  expect(await collect(store)).toHaveLength(1)
  await store.close()
})
