import type { NewEvent } from '../events/message-event.ts'
import { aMessage, appendOf, keys } from './builders.ts'
import { type EventStoreSubject, keyOf, OTHER, recordedOf, repeatsOf, STREAM, versions } from './event-store-subject.ts'
import { collect, expectCode, expectEqual, expectTrue, type KitTests } from './runner.ts'
import { notApplicable } from './skipping.ts'

/** Crashes, events that cannot be stored, events of another release. */
export const faultTests: KitTests<EventStoreSubject> = {
  'keeps what was acknowledged when the process crashes': async (subject) => {
    if (!subject.crash) return notApplicable('the subject has no crash()')
    const { store } = subject
    await store.append([appendOf(STREAM, keys('k', 10)), appendOf(OTHER, keys('o', 5))])
    await Promise.all(keys('c', 20).map((key) => store.append([appendOf(STREAM, [key])])))
    await store.append([appendOf(OTHER, ['last'])])
    const before = await collect(store.readAll())
    const after = await subject.crash()
    expectEqual(await collect(after.readAll()), before, 'the log after the crash')
    expectEqual((await after.find('last'))?.idempotencyKey, 'last', 'the key acknowledged last')
    expectEqual(repeatsOf((await after.append([appendOf(OTHER, ['last', 'next'])]))[0]), [true, false], 'repeats after the crash')
  },

  'leaves nothing of a request with an event that cannot be stored': async ({ store }) => {
    for (const [index, [what, spoil]] of unstorable.entries()) {
      const spoilt = appendOf(STREAM, keys(`spoilt${index}`, 3))
      const events = spoilt.events.map((event, place) => (place === 1 ? spoil(event) : event))
      await expectCode(() => store.append([{ streamId: STREAM, events }]), 'event_invalid', `append of an event with ${what}`)
      expectEqual((await collect(store.readAll())).map(keyOf), keys('good', index), `log after an event with ${what}`)
      for (const { idempotencyKey } of events) expectEqual(await store.find(idempotencyKey), undefined, `find of ${idempotencyKey}`)
      const [next] = await store.append([appendOf(STREAM, [`good-${index + 1}`], index)])
      expectEqual(repeatsOf(next), [false], `the next append after an event with ${what}`)
    }
  },

  'lets an event that cannot be stored spoil no other call': async ({ store }) => {
    const [, spoil] = unstorable[0] as (typeof unstorable)[number]
    const calls = keys('call', 20).map((key, index) => {
      const { events } = appendOf(STREAM, [key])
      return store.append([{ streamId: STREAM, events: index === 7 ? events.map(spoil) : events }])
    })
    const rejected = (await Promise.allSettled(calls)).flatMap(({ status }, index) => (status === 'rejected' ? [index] : []))
    expectEqual(rejected, [7], 'calls that were refused')
    expectEqual((await versions(store, STREAM)).length, 19, 'events in the stream')
  },

  'finds nothing of a request that was refused': async ({ store }) => {
    await store.append([appendOf(STREAM, ['a'])])
    await store.append([appendOf(STREAM, ['refused-1', 'a', 'refused-2'], 0)])
    for (const key of ['refused-1', 'refused-2']) expectEqual(await store.find(key), undefined, `find of ${key}`)
    expectEqual(repeatsOf((await store.append([appendOf(OTHER, ['refused-1', 'refused-2'])]))[0]), [false, false], 'keys that are free')
  },

  'records when it was recorded by its own clock': async ({ store }) => {
    const times = ['2001-01-01T00:00:00.000Z', '2026-01-06T10:00:00.000Z', '2099-12-31T23:59:59.000Z']
    const events = times.map((occurredAt, index) => ({ ...aMessage(`time-${index}`), occurredAt }))
    await store.append([{ streamId: STREAM, events }])
    const recorded = await collect(store.readStream(STREAM))
    expectEqual(
      recorded.map(({ occurredAt }) => occurredAt),
      times,
      'occurredAt',
    )
    const instants = recorded.map(({ recordedAt }) => Date.parse(recordedAt))
    const spread = Math.max(...instants) - Math.min(...instants)
    expectTrue(spread < 60_000, `recordedAt of events recorded together: expected the same minute, got ${spread} ms apart`)
  },

  'refuses a position of another log': async (subject, another) => {
    await subject.store.append([appendOf(STREAM, ['a', 'b', 'c'])])
    const foreign = (await collect(subject.store.readAll())).map(({ position }) => position)
    const { store } = await another()
    await store.append([appendOf(STREAM, ['d', 'e', 'f'])])
    for (const after of foreign) await expectCode(() => collect(store.readAll({ after })), 'position_invalid', `readAll after ${after}`)
  },

  'gives an event that it cannot read as event.unreadable, and reads on': async (subject) => {
    if (!subject.rewrite) return notApplicable('the subject has no rewrite()')
    const [result] = await subject.store.append([appendOf(STREAM, ['a', 'b', 'c'])])
    const { position, ...newer } = recordedOf(result)[1] as ReturnType<typeof recordedOf>[number]
    await subject.store.close()
    await subject.rewrite({ ...newer, schemaVersion: 9 })
    const store = await subject.reopen()
    const shown = ['message.received a', 'event.unreadable b', 'message.received c']
    for (const [name, read] of [
      ['readAll', store.readAll()],
      ['readStream', store.readStream(STREAM)],
    ] as const) {
      const events = await collect(read)
      expectEqual(
        events.map((event) => `${event.type} ${event.idempotencyKey}`),
        shown,
        name,
      )
      expectEqual([events[1]?.position, events[1]?.version], [position, 2], `place of the unreadable event in ${name}`)
    }
    expectEqual((await store.find('b'))?.type, 'event.unreadable', 'find')
    expectEqual((await collect(store.readAll({ after: position }))).map(keyOf), ['c'], 'readAll after the unreadable event')
    expectEqual(repeatsOf((await store.append([appendOf(STREAM, ['b', 'd'])]))[0]), [true, false], 'its key is known')
  },
}

/** What JSON cannot hold, and what could never be read back. */
const unstorable: readonly (readonly [what: string, spoil: (event: NewEvent) => NewEvent])[] = [
  ['a cycle', (event) => withRaw(event, cycle())],
  ['a BigInt', (event) => withRaw(event, 1n)],
  ['a schema version of a newer release', (event) => ({ ...event, schemaVersion: 9 }) as unknown as NewEvent],
]

function withRaw(event: NewEvent, raw: unknown): NewEvent {
  return { ...event, source: { via: 'webhook', raw } }
}

function cycle(): unknown {
  const ring: { self?: unknown } = {}
  ring.self = ring
  return ring
}
