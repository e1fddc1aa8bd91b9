import { describe, expect, it } from 'vitest'
import { aMessage, appendOf } from '../conformance/builders.ts'
import { collect } from '../conformance/runner.ts'
import type { EventStore } from './event-store.ts'
import { logDigest } from './log-digest.ts'
import { copyLog, exportLog, importLog } from './log-transfer.ts'
import { memoryEventStore } from './memory-event-store.ts'

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
