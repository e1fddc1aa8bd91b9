import type { RecordedEvent } from '../events/recorded-event.ts'
import type { AppendRequest, AppendResult, EventStore } from '../store/event-store.ts'
import { aMessage, appendOf, keys } from './builders.ts'
import { collect, expectCode, expectEqual, expectTrue, type KitOptions, type KitTests, registerKit } from './runner.ts'

/** A fresh, empty store for one test. */
export interface EventStoreSubject {
  readonly store: EventStore
  /** Closes the store when it is open, and opens the same log again. */
  reopen(): Promise<EventStore>
  /** Takes away what the test left: files, tables. */
  dispose?(): Promise<void>
}

/**
 * Registers the promises of {@link EventStore} as tests.
 * @example
 * eventStoreConformance('memory', () => ({ store: memoryEventStore(), reopen: async () => memoryEventStore() }), {
 *   runner: { describe, it },
 *   knownGaps: { 'keeps everything across close and reopen': 'in memory by design' },
 * })
 */
export function eventStoreConformance(
  name: string,
  create: () => Promise<EventStoreSubject> | EventStoreSubject,
  options: KitOptions,
): void {
  registerKit(`${name} keeps the promises of an EventStore`, tests, create, options)
}

const STREAM = 'whatsapp:+33639980001'
const OTHER = 'whatsapp:+33639980002'

const tests: KitTests<EventStoreSubject> = {
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
    for (const after of ['', 'x', '-1', '../../etc/passwd', '9'.repeat(40)]) {
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

  'keeps any text exactly': async ({ store }) => {
    const texts = [
      '',
      'é',
      '👩‍👩‍👧 ok',
      'line\nline\r\nline\u2028line\u2029',
      '"\\/\b\f\t',
      'nul \u0000 here',
      'half \ud83d pair',
      '\ufeffmark',
      'a'.repeat(1_000_000),
    ]
    const events = texts.map((text, index) => aMessage(`text-${index}`, text))
    await store.append([{ streamId: STREAM, events }])
    const read = (await collect(store.readStream(STREAM))).map((event) => event.type === 'message.received' && event.data.text)
    expectEqual(read, texts, 'texts')
  },

  'keeps names of streams and keys exactly': async ({ store }) => {
    const names = ['whatsapp:lid:100000000000001', 'email:a+b@example.com', 'é/..\\%2F "quoted"', 'x'.repeat(400)]
    for (const name of names) await store.append([{ streamId: name, events: [aMessage(`key of ${name}`.slice(0, 512))] }])
    for (const name of names) {
      expectEqual(
        (await collect(store.readStream(name))).map(({ streamId }) => streamId),
        [name],
        'stream',
      )
      expectEqual((await store.find(`key of ${name}`.slice(0, 512)))?.streamId, name, 'key')
    }
  },

  'keeps its own copy of what it was given': async ({ store }) => {
    const event = aMessage('mine', 'before')
    const [result] = await store.append([{ streamId: STREAM, events: [event] }])
    event.data.text = 'after'
    const answered = recordedOf(result)[0] as { data: { text?: string } }
    answered.data.text = 'after'
    const read = (await store.find('mine')) as { data: { text?: string } } | undefined
    expectEqual(read?.data.text, 'before', 'text in the log')
  },

  'stops reading when the signal is aborted': async ({ store }) => {
    await store.append([appendOf(STREAM, keys('s', 50))])
    for (const read of [store.readAll.bind(store), (options: { signal: AbortSignal }) => store.readStream(STREAM, options)]) {
      const controller = new AbortController()
      const reason = new Error('enough')
      let seen = 0
      let thrown: unknown
      try {
        for await (const _event of read({ signal: controller.signal })) {
          seen += 1
          if (seen === 3) controller.abort(reason)
        }
      } catch (error) {
        thrown = error
      }
      expectTrue(thrown === reason, `expected the reason of the signal, got ${String(thrown)}`)
      expectEqual(seen, 3, 'events read before the abort took effect')
    }
  },

  'lets a reader leave in the middle and start again': async ({ store }) => {
    await store.append([appendOf(STREAM, keys('l', 20))])
    for (let turn = 0; turn < 5; turn += 1) for await (const _event of store.readAll()) break
    expectEqual((await collect(store.readAll())).length, 20, 'events')
  },

  'keeps everything across close and reopen': async (subject) => {
    await subject.store.append([appendOf(STREAM, keys('k', 10)), appendOf(OTHER, keys('o', 5))])
    const before = await collect(subject.store.readAll())
    const store = await subject.reopen()
    expectEqual(await collect(store.readAll()), before, 'log')
    expectEqual(
      (await collect(store.readAll({ after: before[6]?.position as string }))).map(keyOf),
      before.slice(7).map(keyOf),
      'an old position',
    )
    expectEqual(repeatsOf((await store.append([appendOf(STREAM, ['k-3'])]))[0]), [true], 'a repeat after reopening')
    expectEqual(await store.append([appendOf(STREAM, ['new'], 3)]), [{ status: 'conflict', actualVersion: 10 }], 'versions go on')
    const [more] = await store.append([appendOf(STREAM, ['new'], 10)])
    expectTrue((recordedOf(more)[0]?.position as string) > (before.at(-1)?.position as string), 'positions go on rising')
  },

  'finishes appends under way when it is closed': async (subject) => {
    const appends = keys('c', 20).map((key) => subject.store.append([appendOf(STREAM, [key])]))
    await subject.store.close()
    const acknowledged = (await Promise.allSettled(appends)).filter(({ status }) => status === 'fulfilled').length
    expectEqual(acknowledged, 20, 'appends that were accepted before close and acknowledged')
  },

  'refuses every call after close, and closes twice without harm': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a'])])
    await store.close()
    await store.close()
    await expectCode(() => store.append([appendOf(STREAM, ['b'])]), 'store_closed', 'append')
    await expectCode(() => store.find('a'), 'store_closed', 'find')
    await expectCode(() => collect(store.readAll()), 'store_closed', 'readAll')
    await expectCode(() => collect(store.readStream(STREAM)), 'store_closed', 'readStream')
  },
}

async function versions(store: EventStore, streamId: string): Promise<number[]> {
  return (await collect(store.readStream(streamId))).map(({ version }) => version)
}

function recordedOf(result: AppendResult | undefined): RecordedEvent[] {
  if (result?.status !== 'recorded') throw new Error(`Expected the append to be recorded, got ${JSON.stringify(result)}`)
  return result.events.map(({ event }) => event)
}

function repeatsOf(result: AppendResult | undefined): boolean[] {
  return result?.status === 'recorded' ? result.events.map(({ repeated }) => repeated) : []
}

function keyOf(event: RecordedEvent): string {
  return event.idempotencyKey
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
