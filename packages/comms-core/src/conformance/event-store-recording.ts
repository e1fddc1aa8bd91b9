import type { RecordedEvent } from '../events/recorded-event.ts'
import { aMessage, appendOf, keys } from './builders.ts'
import { byCodeUnit, type EventStoreSubject, keyOf, OTHER, recordedOf, STREAM, versions } from './event-store-subject.ts'
import { collect, expectCode, expectEqual, expectTrue, type KitTests } from './runner.ts'

/** What is recorded, how it is numbered and how it is read. */
export const recordingTests: KitTests<EventStoreSubject> = {
  'answers an empty append with nothing': async ({ store }) => {
    expectEqual(await store.append([]), [], 'append([])')
    expectEqual(await collect(store.readAll()), [], 'readAll')
  },

  'records events and reads them back as they were': async ({ store }) => {
    const events = [aMessage('a'), aMessage('b')]
    const [result] = await store.append([{ streamId: STREAM, events }])
    const recorded = recordedOf(result)
    expectEqual(recorded.length, 2, 'events in the answer')
    recorded.forEach((event, index) => {
      const { position, streamId, version, recordedAt, ...given } = event
      expectEqual(given, events[index], `event ${index + 1}`)
      expectEqual({ streamId, version }, { streamId: STREAM, version: index + 1 }, 'place in the stream')
      expectTrue(typeof position === 'string' && position.length > 0, 'a position is a string')
      expectTrue(
        !Number.isNaN(Date.parse(recordedAt)) && recordedAt.endsWith('Z'),
        `recordedAt is an ISO instant in UTC, got ${recordedAt}`,
      )
    })
    expectEqual(await collect(store.readAll()), recorded, 'readAll gives what append answered')
    expectEqual(await collect(store.readStream(STREAM)), recorded, 'readStream gives what append answered')
    expectEqual(await store.find('b'), recorded[1], 'find gives what append answered')
  },

  'numbers each stream from 1 without gaps': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a', 'b']), appendOf(OTHER, ['c']), appendOf(STREAM, ['d'])])
    await store.append([appendOf(OTHER, ['e'])])
    expectEqual(await versions(store, STREAM), [1, 2, 3], STREAM)
    expectEqual(await versions(store, OTHER), [1, 2], OTHER)
  },

  'answers each request in the order of the call': async ({ store }) => {
    const results = await store.append([appendOf(STREAM, ['a']), appendOf(OTHER, ['b', 'c']), appendOf(STREAM, ['d'])])
    expectEqual(
      results.map((result) => recordedOf(result).map(keyOf)),
      [['a'], ['b', 'c'], ['d']],
      'answers',
    )
    expectEqual(
      results.map((result) => result.status === 'recorded' && result.version),
      [1, 2, 2],
      'versions after each request',
    )
  },

  'reads the whole log in the order of recording': async ({ store }) => {
    const all: string[] = []
    for (let index = 0; index < 30; index += 1) {
      const names = keys(`n${index}`, 1 + (index % 3))
      all.push(...names)
      await store.append([appendOf(index % 2 ? STREAM : OTHER, names)])
    }
    expectEqual((await collect(store.readAll())).map(keyOf), all, 'order')
  },

  'gives positions that rise as strings in the order of the log': async ({ store }) => {
    for (const key of keys('p', 25)) await store.append([appendOf(STREAM, [key])])
    await store.append([appendOf(STREAM, keys('q', 25))])
    const positions = (await collect(store.readAll())).map(({ position }) => position)
    expectEqual([...positions].sort(byCodeUnit), positions, 'positions sorted as strings')
    expectEqual(new Set(positions).size, positions.length, 'different positions')
  },

  'reads on behind any position': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a', 'b']), appendOf(OTHER, ['c'])])
    await store.append([appendOf(STREAM, ['d'])])
    const all = await collect(store.readAll())
    for (const [index, { position }] of all.entries()) {
      const rest = (await collect(store.readAll({ after: position }))).map(keyOf)
      expectEqual(rest, all.slice(index + 1).map(keyOf), `after the position of ${keyOf(all[index] as RecordedEvent)}`)
    }
  },

  'refuses a position that it never gave out': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a'])])
    for (const after of ['', 'x', '-1', '1', '000000000001', '../../etc/passwd', '9'.repeat(40)]) {
      await expectCode(() => collect(store.readAll({ after })), 'position_invalid', `readAll after ${JSON.stringify(after)}`)
    }
  },

  'reads a stream from a version on': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a', 'b', 'c'])])
    expectEqual((await collect(store.readStream(STREAM, { fromVersion: 2 }))).map(keyOf), ['b', 'c'], 'from version 2')
    expectEqual(await collect(store.readStream(STREAM, { fromVersion: 4 })), [], 'from beyond the end')
  },

  'reads an unknown stream as an empty one': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a'])])
    expectEqual(await collect(store.readStream(OTHER)), [], 'unknown stream')
    expectEqual(await collect(store.readStream('__proto__')), [], 'a stream named like a property of every object')
  },

  'finds nothing under an unknown key': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a'])])
    for (const key of ['b', 'A', 'constructor', '__proto__']) expectEqual(await store.find(key), undefined, key)
  },
}
