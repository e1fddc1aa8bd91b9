import { aMessage, appendOf, keys } from './builders.ts'
import { type EventStoreSubject, keyOf, OTHER, recordedOf, repeatsOf, STREAM } from './event-store-subject.ts'
import { collect, expectCode, expectEqual, expectTrue, type KitTests } from './runner.ts'

/** Any content, readers that leave, closing and opening again. */
export const lifetimeTests: KitTests<EventStoreSubject> = {
  'keeps any text exactly': async ({ store }) => {
    const texts = [
      '',
      'é',
      '👩‍👩‍👧 ok',
      'line\nline\r\nline\u2028line\u2029',
      '"\\/\b\f\t',
      'nul \u0000 here',
      'half \ud83d pair',
      'other half \ude00 pair',
      'composed \u00e9, decomposed e\u0301, \ufb01 \u212b \u1e9b\u0323 \uac00 \u1100\u1161',
      '𝄞 𐐷 😀',
      '\ufeffmark',
      'a'.repeat(1_000_000),
    ]
    const events = texts.map((text, index) => aMessage(`text-${index}`, text))
    await store.append([{ streamId: STREAM, events }])
    const read = (await collect(store.readStream(STREAM))).map((event) => event.type === 'message.received' && event.data.text)
    expectEqual(read, texts, 'texts')
  },

  'keeps names of streams and keys exactly': async ({ store }) => {
    const names = [
      'whatsapp:lid:100000000000001',
      'email:a+b@example.com',
      'é/..\\%2F "quoted"',
      'e\u0301/..\\%2F "quoted"',
      'x'.repeat(400),
    ]
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
    // In an order that is none of the names of streams, keys or events.
    const wandering = ['zebra', 'alpha', 'm', 'zebra', 'alpha', 'm', 'beta', 'alpha']
    for (const [index, name] of wandering.entries()) await subject.store.append([appendOf(`email:${name}@example.com`, [`w${9 - index}`])])
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
