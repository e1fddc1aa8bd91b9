import { describe, expect, it } from 'vitest'
import { aMessage, appendOf } from '../conformance/builders.ts'
import { eventStoreConformance } from '../conformance/event-store.ts'
import { collect } from '../conformance/runner.ts'
import { CommsError } from '../errors.ts'
import { eventCache } from './event-cache.ts'
import type { EventCache } from './event-cache-options.ts'
import type { AppendRequest, EventStore } from './event-store.ts'
import { memoryEventStore } from './memory-event-store.ts'

eventStoreConformance(
  'cache over memory',
  () => ({ store: eventCache({ store: memoryEventStore() }), reopen: async () => eventCache({ store: memoryEventStore() }) }),
  { runner: { describe, it }, knownGaps: { 'keeps everything across close and reopen': 'in memory by design' } },
)

const STREAM = 'whatsapp:+33639980001'

/** A store that waits to be let go, and counts the events of each write. */
function gated(): {
  store: EventStore
  sizes: number[]
  open: () => void
  breakWith: (test: (requests: readonly AppendRequest[]) => unknown) => void
} {
  const good = memoryEventStore()
  const sizes: number[] = []
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  let fault: (requests: readonly AppendRequest[]) => unknown = () => undefined
  const store: EventStore = {
    append: async (requests) => {
      await gate
      const error = fault(requests)
      if (error) throw error
      sizes.push(requests.reduce((sum, { events }) => sum + events.length, 0))
      return good.append(requests)
    },
    find: (key) => good.find(key),
    readStream: (...given) => good.readStream(...given),
    readAll: (...given) => good.readAll(...given),
    close: () => good.close(),
  }
  return {
    store,
    sizes,
    open: () => open(),
    breakWith: (test) => {
      fault = test
    },
  }
}

describe('eventCache', () => {
  it('writes a lone event at once, and those that wait meanwhile together, at most maxBatch a write', async () => {
    const { store, sizes, open } = gated()
    const cache = eventCache({ store, maxBatch: 100 })
    const first = cache.append([appendOf(STREAM, ['first'])])
    await Promise.resolve()
    await Promise.resolve()
    const rest = Array.from({ length: 250 }, (_, index) => cache.append([appendOf(STREAM, [`k${index}`])]))
    expect(cache.state().pending).toBe(251)
    open()
    await Promise.all([first, ...rest])
    expect(sizes).toEqual([1, 100, 100, 50])
    expect(cache.state()).toEqual({ pending: 0, writes: 4, lastBatch: 50, lastFlushMs: expect.any(Number) })
  })

  it('makes the next write ready while one is under way, sharing what waits', async () => {
    const { store, sizes, open } = gated()
    const cache = eventCache({ store, maxWrites: 2 })
    const appends = Array.from({ length: 100 }, (_, index) => cache.append([appendOf(`${STREAM}${index}`, [`k${index}`])]))
    open()
    await Promise.all(appends)
    expect(sizes).toEqual([50, 50])
    expect(new Set((await collect(cache.readAll())).map(({ idempotencyKey }) => idempotencyKey)).size).toBe(100)
  })

  it('writes one batch after the other while the store is slow: the more goes in one write the better', async () => {
    const { store, sizes, open } = gated()
    open()
    const slow: EventStore = {
      ...store,
      append: async (requests) => {
        await new Promise((resolve) => setTimeout(resolve, 5))
        return store.append(requests)
      },
    }
    const cache = eventCache({ store: slow })
    await cache.append([appendOf(STREAM, ['first'])])
    const appendAll = (round: string) =>
      Array.from({ length: 60 }, (_, index) => cache.append([appendOf(`${STREAM}${index}`, [`${round}${index}`])]))
    await Promise.all(appendAll('a'))
    await Promise.all(appendAll('b'))
    expect(sizes).toEqual([1, 60, 60])
  })

  it('never has one stream in two writes: what comes later is recorded later, even when the first must be tried again', async () => {
    const { store, open, breakWith } = gated()
    const cache = eventCache({ store })
    let tries = 0
    breakWith((requests) => {
      if (requests.some(({ events }) => events[0]?.idempotencyKey === 'poison')) return new CommsError('event_invalid', 'poison')
      tries += 1
      return undefined
    })
    const first = [
      cache.append([appendOf(STREAM, ['a'])]),
      cache.append([appendOf('sms:+12025550100', ['poison'])]).catch((error) => error.code),
    ]
    await Promise.resolve()
    await Promise.resolve()
    const later = [cache.append([appendOf(STREAM, ['b'])]), cache.append([appendOf('sms:+12025550101', ['c'])])]
    open()
    expect((await Promise.all([...first, ...later]))[1]).toBe('event_invalid')
    expect((await collect(cache.readStream(STREAM))).map(({ idempotencyKey }) => idempotencyKey)).toEqual(['a', 'b'])
    expect(tries).toBe(2)
  })

  it('waits for every write under way when it is closed', async () => {
    const { store, open } = gated()
    const cache = eventCache({ store })
    const appends = Array.from({ length: 40 }, (_, index) => cache.append([appendOf(`${STREAM}${index}`, [`k${index}`])]))
    await Promise.resolve()
    const closed = cache.close()
    open()
    await closed
    expect((await Promise.all(appends)).flat()).toHaveLength(40)
  })

  it('refuses what would wait beyond maxPending, and takes it again later', async () => {
    const { store, open } = gated()
    const cache = eventCache({ store, maxPending: 3 })
    const waiting = [cache.append([appendOf(STREAM, ['a', 'b'])]), cache.append([appendOf(STREAM, ['c'])])]
    await expect(cache.append([appendOf(STREAM, ['d'])])).rejects.toMatchObject({ code: 'store_overloaded', retryAfterMs: 1000 })
    open()
    await Promise.all(waiting)
    await cache.append([appendOf(STREAM, ['d'])])
    expect((await collect(cache.readAll())).map(({ idempotencyKey }) => idempotencyKey)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('splits a batch that fails until the poison request stands alone', async () => {
    const { store, open, breakWith } = gated()
    const cache = eventCache({ store })
    breakWith((requests) => requests.some(({ events }) => events[0]?.idempotencyKey === 'k7') && new CommsError('event_invalid', 'poison'))
    const appends = Array.from({ length: 20 }, (_, index) => cache.append([appendOf(STREAM, [`k${index}`])]))
    open()
    const settled = await Promise.allSettled(appends)
    expect(settled.map(({ status }) => status).filter((status) => status === 'rejected')).toHaveLength(1)
    expect(settled[7]).toMatchObject({ status: 'rejected', reason: { code: 'event_invalid' } })
    expect(await collect(cache.readAll())).toHaveLength(19)
    expect(cache.state().pending).toBe(0)
  })

  it('does not hammer a store that is away: one try tells all who wait', async () => {
    const { store, open, breakWith } = gated()
    let tries = 0
    breakWith(() => {
      tries += 1
      return new CommsError('store_unavailable', 'disk full')
    })
    const cache = eventCache({ store })
    const appends = Array.from({ length: 20 }, (_, index) => cache.append([appendOf(STREAM, [`k${index}`])]))
    open()
    const settled = await Promise.allSettled(appends)
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true)
    expect(tries).toBe(1)
    breakWith(() => undefined)
    const { away } = cache.state()
    expect(away).toEqual({ reason: 'disk full', retryAfterMs: expect.any(Number) })
    await expect(cache.append([appendOf(STREAM, ['too early'])])).rejects.toMatchObject({
      code: 'store_unavailable',
      message: 'disk full',
      retryAfterMs: expect.any(Number),
    })
    expect(tries).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, (away?.retryAfterMs ?? 0) + 5))
    await cache.append([appendOf(STREAM, ['later'])])
    expect(cache.state().away).toBeUndefined()
  })

  it('refuses what would wait beyond maxPendingBytes, and takes it again later', async () => {
    const { store, open } = gated()
    const cache = eventCache({ store, maxPendingBytes: 3_000_000 })
    const large = (key: string): AppendRequest => ({ streamId: STREAM, events: [aMessage(key, 'x'.repeat(1_000_000))] })
    // A few are never too many.
    const few = Array.from({ length: 32 }, (_, index) => cache.append([appendOf(STREAM, [`k${index}`])]))
    const waiting = [cache.append([large('a')]), cache.append([large('b')])]
    await expect(cache.append([large('c')])).rejects.toMatchObject({ code: 'store_overloaded', retryAfterMs: 1000 })
    const small = cache.append([appendOf(STREAM, ['small'])])
    open()
    await Promise.all([...few, ...waiting, small])
    await cache.append([large('c')])
    expect(await collect(cache.readAll())).toHaveLength(36)
  })

  it('leaves a store alone that failed quickly three times in a row, and comes back to it at once before that', async () => {
    const { store, open, breakWith } = gated()
    open()
    const cache = eventCache({ store })
    const nextTurn = () => new Promise((resolve) => setTimeout(resolve, 2))
    let isAway = true
    let tries = 0
    breakWith(() => {
      tries += 1
      return isAway && new CommsError('store_unavailable', 'read-only')
    })
    const fail = async () => {
      await expect(cache.append([appendOf(STREAM, ['a'])])).rejects.toMatchObject({ message: 'read-only' })
      await nextTurn()
    }
    await fail()
    await fail()
    isAway = false
    await cache.append([appendOf(STREAM, ['b'])])
    isAway = true
    await fail()
    await fail()
    await fail()
    expect(cache.state().away).toMatchObject({ reason: 'read-only' })
    await fail()
    expect(tries).toBe(6)
  })

  it('says how many wait as each event comes', async () => {
    const told: string[] = []
    const cache = eventCache({ store: memoryEventStore(), onQueued: (event, pending) => told.push(`${event.idempotencyKey} ${pending}`) })
    await cache.append([appendOf(STREAM, ['a', 'b'])])
    await cache.append([appendOf(STREAM, ['c'])])
    expect(told).toEqual(['a 1', 'b 2', 'c 1'])
  })

  it('tails the log: what is there, then what is recorded, each once, until the signal', async () => {
    const cache = eventCache({ store: memoryEventStore() })
    await cache.append([appendOf(STREAM, ['a', 'b'])])
    const [first] = await collect(cache.readAll())
    const controller = new AbortController()
    const seen: string[] = []
    const tailing = (async () => {
      for await (const event of cache.tail({ after: first?.position as string, signal: controller.signal })) {
        seen.push(event.idempotencyKey)
        if (event.idempotencyKey === 'b')
          void cache.append([appendOf(STREAM, ['c'])]).then(() => cache.append([appendOf(STREAM, ['d', 'e'])]))
        if (event.idempotencyKey === 'e') controller.abort()
      }
    })()
    await tailing
    expect(seen).toEqual(['b', 'c', 'd', 'e'])
  })

  it('ends a tail when the store behind it is closed', async () => {
    const store = memoryEventStore()
    const cache = eventCache({ store })
    const tail = cache.tail({ signal: new AbortController().signal })[Symbol.asyncIterator]()
    const waiting = tail.next()
    await cache.append([appendOf(STREAM, ['a'])])
    expect(await waiting).toMatchObject({ value: { idempotencyKey: 'a' } })
    const next = tail.next()
    await store.close()
    await cache.append([appendOf(STREAM, ['b'])]).catch(() => undefined)
    await cache.close().catch(() => undefined)
    expect(await next).toMatchObject({ done: true })
  })

  it('ends every tail when it is closed', async () => {
    const cache = eventCache({ store: memoryEventStore() })
    const tailing = collect(cache.tail({ signal: new AbortController().signal }))
    await cache.append([appendOf(STREAM, ['a'])])
    await cache.close()
    await tailing
  })

  it('refuses limits that make no sense', () => {
    expect(() => eventCache({ store: memoryEventStore(), maxBatch: 0 })).toThrow('maxBatch: expected a whole number from 1, got 0')
  })
})

describe('eventCache over a store that hangs', () => {
  const WRITE_TIMEOUT_MS = 80

  /** A store whose calls wait until they are let go, each by itself. */
  function hanging() {
    const good = memoryEventStore()
    const calls: { keys: string[]; letGo: () => void; fail: (error: unknown) => void }[] = []
    let isHanging = true
    const store: EventStore = {
      append: async (requests) => {
        const keys = requests.flatMap(({ events }) => events.map(({ idempotencyKey }) => idempotencyKey))
        await new Promise<void>((letGo, fail) => {
          calls.push({ keys, letGo, fail })
          if (!isHanging) letGo()
        })
        return good.append(requests)
      },
      find: (key) => good.find(key),
      readStream: (...given) => good.readStream(...given),
      readAll: (...given) => good.readAll(...given),
      close: () => good.close(),
    }
    const comesBack = () => {
      isHanging = false
    }
    return { store, calls, comesBack }
  }
  const keysIn = async (cache: EventCache) => (await collect(cache.readAll())).map(({ idempotencyKey }) => idempotencyKey)
  const appendAll = (cache: EventCache, count: number) =>
    Promise.allSettled(Array.from({ length: count }, (_, index) => cache.append([appendOf(STREAM, [`k${index}`])])))
  const untilTried = async (cache: EventCache) => new Promise((resolve) => setTimeout(resolve, (cache.state().away?.retryAfterMs ?? 0) + 5))

  it('refuses all that waits at once, not one batch after the other, and all that comes meanwhile', async () => {
    const { store, calls } = hanging()
    const cache = eventCache({ store, maxBatch: 5, writeTimeoutMs: WRITE_TIMEOUT_MS })
    const startedAt = performance.now()
    const settled = await appendAll(cache, 50)
    expect(performance.now() - startedAt).toBeLessThan(WRITE_TIMEOUT_MS * 5)
    for (const each of settled) expect(each).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } })
    await expect(cache.append([appendOf(STREAM, ['meanwhile'])])).rejects.toMatchObject({
      code: 'store_unavailable',
      retryAfterMs: expect.any(Number),
    })
    expect(calls.map(({ keys }) => keys.length)).toEqual([5])
    expect(cache.state().pending).toBe(0)
  })

  it('tries the store with one write, and is longer silent when that hangs too', async () => {
    const { store, calls } = hanging()
    const cache = eventCache({ store, writeTimeoutMs: WRITE_TIMEOUT_MS, random: () => 0 })
    await appendAll(cache, 20)
    const first = cache.state().away?.retryAfterMs as number
    await untilTried(cache)
    const probe = appendAll(cache, 20)
    await Promise.resolve()
    await expect(cache.append([appendOf(STREAM, ['beside the probe'])])).rejects.toMatchObject({ code: 'store_unavailable' })
    await probe
    expect(calls).toHaveLength(2)
    expect(cache.state().away?.retryAfterMs).toBeGreaterThan(first)
  })

  it('stays right when a write that was given up succeeds late: appended again, its events are repeats', async () => {
    const { store, calls, comesBack } = hanging()
    const cache = eventCache({ store, writeTimeoutMs: WRITE_TIMEOUT_MS })
    await appendAll(cache, 3)
    comesBack()
    calls[0]?.letGo()
    await new Promise((resolve) => setTimeout(resolve))
    expect(cache.state().away).toBeUndefined()
    const [again] = await cache.append([appendOf(STREAM, ['k0', 'new'])])
    expect(again).toMatchObject({ status: 'recorded', events: [{ repeated: true }, { repeated: false }], version: 4 })
    expect(await keysIn(cache)).toEqual(['k0', 'k1', 'k2', 'new'])
    expect(cache.state().pending).toBe(0)
  })

  it('stays right when a write that was given up fails late: the store is not left alone once more', async () => {
    const { store, calls, comesBack } = hanging()
    const cache = eventCache({ store, writeTimeoutMs: WRITE_TIMEOUT_MS })
    await appendAll(cache, 3)
    await untilTried(cache)
    comesBack()
    await cache.append([appendOf(STREAM, ['a'])])
    calls[0]?.fail(new CommsError('store_unavailable', 'no answer'))
    await new Promise((resolve) => setTimeout(resolve))
    await cache.append([appendOf(STREAM, ['b'])])
    expect(await keysIn(cache)).toEqual(['a', 'b'])
  })

  it('refuses what has waited too long behind a store that is slow, one write after the other', async () => {
    const { store, comesBack } = hanging()
    comesBack()
    const slow: EventStore = {
      ...store,
      append: async (requests) => {
        await new Promise((resolve) => setTimeout(resolve, WRITE_TIMEOUT_MS * 0.7))
        return store.append(requests)
      },
    }
    const cache = eventCache({ store: slow, maxBatch: 1, writeTimeoutMs: WRITE_TIMEOUT_MS })
    const startedAt = performance.now()
    const settled = await appendAll(cache, 30)
    expect(performance.now() - startedAt).toBeLessThan(WRITE_TIMEOUT_MS * 5)
    const recorded = settled.filter(({ status }) => status === 'fulfilled').length
    expect(recorded).toBeGreaterThan(0)
    expect(await keysIn(cache)).toEqual(Array.from({ length: recorded }, (_, index) => `k${index}`))
    expect(cache.state().pending).toBe(0)
  })

  it('closes although a write hangs', async () => {
    const { store } = hanging()
    const cache = eventCache({ store, writeTimeoutMs: WRITE_TIMEOUT_MS })
    const appending = appendAll(cache, 3)
    await Promise.resolve()
    await cache.close()
    expect((await appending).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  })
})
