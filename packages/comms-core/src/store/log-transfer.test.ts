import { describe, expect, it } from 'vitest'
import { aMessage, appendOf } from '../conformance/builders.ts'
import { collect } from '../conformance/runner.ts'
import type { EventStore } from './event-store.ts'
import { logDigest } from './log-digest.ts'
import { copyLog, exportLog, importLog } from './log-transfer.ts'
import { memoryEventStore } from './memory-event-store.ts'
import { readByOlderRelease } from './testing/older-release.ts'

async function filled(events: number): Promise<EventStore> {
  const store = memoryEventStore()
  for (let index = 0; index < events; index += 1) {
    await store.append([{ streamId: `whatsapp:+3363998000${index % 7}`, events: [aMessage(`k${index}`, `é\u0000 ${index}`)] }])
  }
  return store
}

async function* linesOf(lines: readonly string[]): AsyncIterable<string> {
  yield* lines
}

describe('copyLog', () => {
  it('gives an equal log, with progress', async () => {
    const from = await filled(2345)
    const to = memoryEventStore()
    const seen: number[] = []
    const report = await copyLog(from, to, { batch: 1000, onProgress: ({ read }) => seen.push(read) })
    expect(report).toMatchObject({ read: 2345, recorded: 2345, repeated: 0, equal: true, source: { events: 2345 } })
    expect(seen).toEqual([1000, 2000, 2345])
    expect(await logDigest(to)).toEqual(await logDigest(from))
  })

  it('goes on after an interruption', async () => {
    const from = await filled(50)
    const to = memoryEventStore()
    const controller = new AbortController()
    const onProgress = ({ read }: { read: number }) => {
      if (read === 20) controller.abort(new Error('interrupted'))
    }
    await expect(copyLog(from, to, { batch: 10, onProgress, signal: controller.signal })).rejects.toThrow('interrupted')
    expect(await collect(to.readAll())).toHaveLength(20)
    expect(await copyLog(from, to)).toMatchObject({ recorded: 30, repeated: 20, equal: true })
  })

  it('says when the target holds something else', async () => {
    const from = await filled(5)
    const to = memoryEventStore()
    await to.append([appendOf('whatsapp:+33639980009', ['other'])])
    expect(await copyLog(from, to)).toMatchObject({ equal: false, source: { events: 5 }, target: { events: 6 } })
  })

  it('copies an empty log', async () => {
    expect(await copyLog(memoryEventStore(), memoryEventStore())).toMatchObject({ read: 0, equal: true })
  })
})

describe('exportLog and importLog', () => {
  it('carry a log through text', async () => {
    const from = await filled(1234)
    const to = memoryEventStore()
    const report = await importLog(exportLog(from), to)
    expect(report).toMatchObject({ recorded: 1234, equal: true })
  })

  it('refuse an export that was cut off, and one with a line that is no event, naming it', async () => {
    const lines = await collect(exportLog(await filled(3)))
    await expect(importLog(linesOf(lines.slice(0, -1)), memoryEventStore())).rejects.toThrow('ends without its digest after 3 events')
    await expect(importLog(linesOf([lines[0] as string, '{broken', ...lines.slice(1)]), memoryEventStore())).rejects.toThrow(
      'Line 2: expected an event',
    )
    const wrong = JSON.stringify({ ...JSON.parse(lines[1] as string), channel: 'Whats App' })
    await expect(importLog(linesOf([lines[0] as string, wrong]), memoryEventStore())).rejects.toThrow('Line 2: channel')
  })

  it('find a changed event by the digest', async () => {
    const lines = await collect(exportLog(await filled(3)))
    const changed = lines.map((line) => line.replace('é\\u0000 1', 'e 1'))
    expect(await importLog(linesOf(changed), memoryEventStore())).toMatchObject({ recorded: 3, equal: false })
  })
})

describe('logDigest', () => {
  it('does not depend on the order of keys, and does on the order of events', async () => {
    const one = memoryEventStore()
    const other = memoryEventStore()
    const swapped = memoryEventStore()
    const [a, b] = [aMessage('a'), aMessage('b')]
    await one.append([{ streamId: 's:1', events: [a, b] }])
    await other.append([
      { streamId: 's:1', events: [a, b].map((event) => Object.fromEntries(Object.entries(event).reverse()) as typeof a) },
    ])
    await swapped.append([{ streamId: 's:1', events: [b, a] }])
    expect(await logDigest(other)).toEqual(await logDigest(one))
    expect((await logDigest(swapped)).sha256).not.toBe((await logDigest(one)).sha256)
  })
})

describe('a log with events of a newer release', () => {
  const isNewer = ({ idempotencyKey }: { idempotencyKey: string }) => idempotencyKey === 'k2'

  it('is exported with these events as they are stored', async () => {
    const older = readByOlderRelease(await filled(4), isNewer)
    const lines = (await collect(exportLog(older))).map((line) => JSON.parse(line))
    expect(lines[3]).toMatchObject({ idempotencyKey: 'k2', schemaVersion: 9, mood: 'merry', streamId: 'whatsapp:+33639980002', version: 1 })
    expect(lines[3]).not.toHaveProperty('data.stored')
    expect(lines[5].digest).toEqual(await logDigest(older))
  })

  it('has the same digest in every store that holds the same', async () => {
    const [one, other] = [await filled(4), memoryEventStore()]
    await copyLog(one, other)
    const digests = [one, other].map((log) => logDigest(readByOlderRelease(log, isNewer)))
    const [first, second] = await Promise.all(digests)
    expect(first).toEqual(second)
    expect(first).not.toEqual(await logDigest(one))
  })

  it('is not copied, and nothing of it is recorded', async () => {
    const to = memoryEventStore()
    await expect(copyLog(readByOlderRelease(await filled(4), isNewer), to, { batch: 1 })).rejects.toMatchObject({
      code: 'event_invalid',
      message: expect.stringMatching(
        /^copyLog: the event at [a-z2-7]+\.000000000003: this release cannot read it .*: upgrade, then try again$/,
      ),
    })
    expect(await collect(to.readAll())).toEqual([])
  })

  it('is not imported past such an event: the line is named, and the import goes on after an upgrade', async () => {
    const from = await filled(4)
    const to = memoryEventStore()
    const lines = await collect(exportLog(readByOlderRelease(from, isNewer)))
    await expect(importLog(linesOf(lines), to, { batch: 1 })).rejects.toThrow('Line 4: this release cannot read it')
    expect(await importLog(exportLog(from), to)).toMatchObject({ recorded: 2, repeated: 2, equal: true })
  })

  it('is refused before anything is recorded when a newer release exported it', async () => {
    const to = memoryEventStore()
    const [head, ...lines] = await collect(exportLog(await filled(4)))
    const newer = `${JSON.stringify({ log: { ...JSON.parse(head as string).log, schemaVersion: 2 } })}\n`
    await expect(importLog(linesOf([newer, ...lines]), to)).rejects.toThrow('A newer release wrote this export')
    expect(await collect(to.readAll())).toEqual([])
  })
})

describe('the name of a log', () => {
  it('is in its export, and in the reports of importLog and copyLog', async () => {
    const from = memoryEventStore({ logId: 'abcdefgh' })
    await from.append([appendOf('s:1', ['a'])])
    expect(JSON.parse((await collect(exportLog(from)))[0] as string)).toEqual({ log: { id: 'abcdefgh', schemaVersion: 1 } })
    expect(await importLog(exportLog(from), memoryEventStore())).toMatchObject({ sourceLog: 'abcdefgh' })
    expect(await copyLog(from, memoryEventStore())).toMatchObject({ sourceLog: 'abcdefgh' })
  })

  it('may be missing: an export of an older release has no first line with it', async () => {
    const [, ...lines] = await collect(exportLog(await filled(3)))
    const report = await importLog(linesOf(lines), memoryEventStore())
    expect(report).toMatchObject({ recorded: 3, equal: true })
    expect(report).not.toHaveProperty('sourceLog')
  })

  it('of another log makes a position invalid for readAll', async () => {
    const [first] = await collect((await filled(1)).readAll())
    await expect(collect((await filled(1)).readAll({ after: first?.position as string }))).rejects.toMatchObject({
      code: 'position_invalid',
    })
  })
})
