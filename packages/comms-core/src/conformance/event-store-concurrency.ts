import type { AppendRequest } from '../store/event-store.ts'
import { aMessage, appendOf, keys } from './builders.ts'
import { type EventStoreSubject, keyOf, recordedOf, repeatsOf, STREAM, versions } from './event-store-subject.ts'
import { collect, expectEqual, type KitTests } from './runner.ts'

/** Many who append and read at once. */
export const concurrencyTests: KitTests<EventStoreSubject> = {
  'lets exactly one of many concurrent claims of one key through': async ({ store }) => {
    const claims = Array.from({ length: 40 }, (_, index) => ({ streamId: STREAM, events: [aMessage('claim', `by ${index}`)] }))
    const results = (await Promise.all(claims.map((claim) => store.append([claim])))).flat()
    expectEqual(results.filter((result) => repeatsOf(result)[0] === false).length, 1, 'winners')
    for (const result of results) expectEqual(recordedOf(result), recordedOf(results[0]), 'all are told of the same event')
  },

  'lets exactly one of many concurrent appends at one expectedVersion through': async ({ store }) => {
    const appends = keys('race', 40).map((key) => store.append([appendOf(STREAM, [key], 0)]))
    const results = (await Promise.all(appends)).flat()
    expectEqual(results.filter(({ status }) => status === 'recorded').length, 1, 'winners')
    expectEqual(await versions(store, STREAM), [1], 'versions')
  },

  'keeps a request together among concurrent appends': async ({ store }) => {
    const requests: AppendRequest[] = Array.from({ length: 30 }, (_, index) => appendOf(STREAM, keys(`r${index}`, 4)))
    await Promise.all(requests.map((request) => store.append([request])))
    const log = (await collect(store.readAll())).map(keyOf)
    expectEqual(log.length, 120, 'events')
    for (const { events } of requests) {
      const first = log.indexOf(events[0]?.idempotencyKey as string)
      expectEqual(
        log.slice(first, first + 4),
        events.map(({ idempotencyKey }) => idempotencyKey),
        'events of one request in a row',
      )
    }
    expectEqual(
      await versions(store, STREAM),
      Array.from({ length: 120 }, (_, index) => index + 1),
      'versions',
    )
  },

  'shows an acknowledged append to every read that starts after it': async ({ store }) => {
    for (const key of keys('seen', 20)) {
      await store.append([appendOf(STREAM, [key])])
      expectEqual((await store.find(key))?.idempotencyKey, key, 'find')
      expectEqual((await collect(store.readAll())).map(keyOf).at(-1), key, 'readAll')
      expectEqual((await collect(store.readStream(STREAM))).map(keyOf).at(-1), key, 'readStream')
    }
  },

  'never skips for a reader that goes on while others write': async ({ store }) => {
    const expected = new Set<string>()
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (const key of keys(`w${writer}`, 25)) {
        expected.add(key)
        await store.append([appendOf(`whatsapp:+3363998000${writer}`, [key])])
      }
    })
    const seen: string[] = []
    let last: string | undefined
    const readOn = async () => {
      for await (const event of store.readAll(last === undefined ? {} : { after: last })) {
        seen.push(event.idempotencyKey)
        last = event.position
      }
    }
    let writing = true
    const written = Promise.all(writers).finally(() => {
      writing = false
    })
    while (writing) {
      await readOn()
      // A turn of the event loop, so that writers that wait for a disk or a network get theirs.
      await new Promise((resolve) => setTimeout(resolve, 0))
    }
    await written
    await readOn()
    expectEqual(seen.length, expected.size, 'events seen')
    expectEqual(new Set(seen), expected, 'every event once')
  },
}
