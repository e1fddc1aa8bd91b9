import { aMessage, appendOf, keys } from './builders.ts'
import { type EventStoreSubject, keyOf, OTHER, recordedOf, repeatsOf, STREAM } from './event-store-subject.ts'
import { collect, expectEqual, type KitTests } from './runner.ts'

/** Keys that are there once for ever, and versions that are expected. */
export const keysTests: KitTests<EventStoreSubject> = {
  'records a key once for ever and answers with the first recording': async ({ store }) => {
    const [first] = await store.append([{ streamId: STREAM, events: [aMessage('a', 'first')] }])
    const [again] = await store.append([{ streamId: STREAM, events: [aMessage('a', 'second')] }])
    expectEqual(again?.status === 'recorded' && again.events, [{ event: recordedOf(first)[0], repeated: true }], 'the second answer')
    expectEqual(again?.status === 'recorded' && again.version, 1, 'the version does not move')
    expectEqual((await collect(store.readAll())).length, 1, 'events in the log')
  },

  'knows a key from any stream': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a'])])
    const [again] = await store.append([appendOf(OTHER, ['a'])])
    expectEqual(
      recordedOf(again).map(({ streamId }) => streamId),
      [STREAM],
      'the first recording comes back',
    )
    expectEqual(await collect(store.readStream(OTHER)), [], 'the other stream stays empty')
  },

  'knows a key from earlier in the same call': async ({ store }) => {
    const [first, second] = await store.append([appendOf(STREAM, ['a', 'a']), appendOf(OTHER, ['b', 'a'])])
    expectEqual(repeatsOf(first), [false, true], 'inside one request')
    expectEqual(repeatsOf(second), [false, true], 'in a later request')
    expectEqual((await collect(store.readAll())).map(keyOf), ['a', 'b'], 'log')
  },

  'records only what is new in a request with repeats': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a', 'b'])])
    const [result] = await store.append([appendOf(STREAM, ['b', 'c', 'a', 'd'])])
    expectEqual(repeatsOf(result), [true, false, true, false], 'repeats')
    expectEqual((await collect(store.readStream(STREAM))).map(keyOf), ['a', 'b', 'c', 'd'], 'stream')
  },

  'answers a conflict when the stream is not at expectedVersion': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a', 'b'])])
    expectEqual(await store.append([appendOf(STREAM, ['c'], 1)]), [{ status: 'conflict', actualVersion: 2 }], 'behind')
    expectEqual(await store.append([appendOf(STREAM, ['c'], 3)]), [{ status: 'conflict', actualVersion: 2 }], 'ahead')
    expectEqual(await store.append([appendOf(STREAM, ['c'], 0)]), [{ status: 'conflict', actualVersion: 2 }], 'must be new')
    expectEqual((await collect(store.readAll())).map(keyOf), ['a', 'b'], 'nothing was recorded')
    expectEqual(recordedOf((await store.append([appendOf(STREAM, ['c'], 2)]))[0]).map(keyOf), ['c'], 'at the right version')
  },

  'lets a conflict touch no other request of the call': async ({ store }) => {
    const results = await store.append([
      appendOf(STREAM, ['a'], 0),
      appendOf(STREAM, ['b', 'c'], 0),
      appendOf(OTHER, ['c'], 0),
      appendOf(STREAM, ['d'], 1),
    ])
    expectEqual(
      results.map(({ status }) => status),
      ['recorded', 'conflict', 'recorded', 'recorded'],
      'answers',
    )
    expectEqual((await collect(store.readAll())).map(keyOf), ['a', 'c', 'd'], 'log')
  },

  'answers a request of repeats only, whatever its expectedVersion': async ({ store }) => {
    const request = appendOf(STREAM, ['a', 'b'], 0)
    const [first] = await store.append([request])
    const [again] = await store.append([request])
    expectEqual(repeatsOf(again), [true, true], 'the append tried again')
    expectEqual(recordedOf(again), recordedOf(first), 'the first recordings')
  },

  'knows a key after thousands of other events': async ({ store }) => {
    const [first] = await store.append([appendOf(STREAM, ['early'])])
    for (let turn = 0; turn < 10; turn += 1) await store.append([appendOf(OTHER, keys(`other${turn}`, 400))])
    const [again] = await store.append([appendOf(STREAM, ['early'])])
    expectEqual(repeatsOf(again), [true], 'a repeat after 4,000 other events')
    expectEqual(recordedOf(again), recordedOf(first), 'the first recording')
    expectEqual((await store.find('other0-7'))?.version, 7, 'find of an old key')
  },
}
