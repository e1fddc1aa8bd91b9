import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { appendOf } from '../conformance/builders.ts'
import { collect } from '../conformance/runner.ts'
import { CommsError } from '../errors.ts'
import { silentLogger } from '../runtime.ts'
import { eventCache } from '../store/event-cache.ts'
import type { AppendRequest, EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import type { Spool } from '../store/spool.ts'
import { Arrivals } from './arrivals.ts'
import { spoolDrainer } from './spool-drainer.ts'

const TIMEOUT_MS = 80
const streamOf = (contact: number) => `whatsapp:+3363998000${contact}`
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const keysIn = async (store: EventStore) => (await collect(store.readAll())).map(({ idempotencyKey }) => idempotencyKey)

/** A store whose appends do what `next` says: after so many milliseconds, or never, succeed or fail; a failed one may be recorded all the same. */
interface Turn {
  readonly afterMs: number
  readonly fails: 'no' | 'before' | 'after'
}
function storeWith(next: () => Turn | 'hang', log = memoryEventStore()): EventStore & { readonly hung: (() => void)[] } {
  const hung: (() => void)[] = []
  return {
    hung,
    append: async (requests) => {
      const turn = next()
      if (turn === 'hang') await new Promise<void>((resolve) => hung.push(resolve))
      else await pause(turn.afterMs)
      if (turn !== 'hang' && turn.fails === 'before') throw new CommsError('store_unavailable', 'away')
      const results = await log.append(requests)
      if (turn !== 'hang' && turn.fails === 'after') throw new CommsError('store_unavailable', 'the answer was lost')
      return results
    },
    find: (key) => log.find(key),
    readStream: (...given) => log.readStream(...given),
    readAll: (...given) => log.readAll(...given),
    close: () => log.close(),
  }
}

/** What it holds outlives a kill of those who use it, as files do. */
function durableSpool(): Spool & { readonly waiting: (readonly AppendRequest[])[] } {
  const waiting: (readonly AppendRequest[])[] = []
  return {
    waiting,
    put: async (requests) => {
      waiting.push(requests)
      await pause(1)
    },
    drain: async (store) => {
      let recorded = 0
      for (let first = waiting[0]; first; first = waiting[0]) {
        try {
          await store.append(first)
        } catch (error) {
          return { recorded, left: waiting.length, setAside: [], unavailable: error as CommsError }
        }
        recorded += 1
        waiting.shift()
      }
      return { recorded, left: waiting.length, setAside: [] }
    },
    size: async () => waiting.length,
  }
}

describe('arrivals', () => {
  it('go to the spool after the time limit, and the append that succeeds late makes them repeats', async () => {
    const log = memoryEventStore()
    let turn: Turn | 'hang' = 'hang'
    const store = storeWith(() => turn, log)
    const spool = durableSpool()
    const arrivals = new Arrivals({ store, spool, timeoutMs: TIMEOUT_MS })
    const startedAt = performance.now()
    expect(await arrivals.keep([appendOf(streamOf(1), ['a'])])).toMatchObject({ in: 'spool', reason: expect.stringContaining('80 ms') })
    expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS * 3)
    await arrivals.drained()
    expect(await arrivals.keep([appendOf(streamOf(1), ['b'])])).toMatchObject({ in: 'spool' })
    turn = { afterMs: 0, fails: 'no' }
    for (const letGo of store.hung) letGo()
    await pause(1)
    expect(await keysIn(log)).toEqual(['a'])
    await spool.drain(store, { signal: new AbortController().signal })
    await arrivals.drained()
    expect(await arrivals.keep([appendOf(streamOf(1), ['c'])])).toMatchObject({ in: 'log' })
    expect(await keysIn(log)).toEqual(['a', 'b', 'c'])
  })

  it('take those that arrived later with them into the spool, in their order, when the first is given up', async () => {
    const spool = durableSpool()
    const arrivals = new Arrivals({ store: storeWith(() => 'hang'), spool, timeoutMs: TIMEOUT_MS })
    const first = arrivals.keep([appendOf(streamOf(1), ['a'])])
    await pause(TIMEOUT_MS / 2)
    const startedAt = performance.now()
    await Promise.all([first, arrivals.keep([appendOf(streamOf(1), ['b'])]), arrivals.keep([appendOf(streamOf(2), ['c'])])])
    expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS)
    expect(spool.waiting.flat().map(({ events }) => events[0]?.idempotencyKey)).toEqual(['a', 'b', 'c'])
  })

  it('are refused after the time limit without a spool, each at its own time', async () => {
    const arrivals = new Arrivals({ store: storeWith(() => 'hang'), timeoutMs: TIMEOUT_MS })
    const startedAt = performance.now()
    const kept = await Promise.allSettled(['a', 'b'].map((key) => arrivals.keep([appendOf(streamOf(1), [key])])))
    expect(performance.now() - startedAt).toBeLessThan(TIMEOUT_MS * 3)
    for (const each of kept) expect(each).toMatchObject({ reason: { code: 'store_unavailable', retryAfterMs: 5000 } })
  })

  it('are refused after the time limit when the disk of the spool hangs too', async () => {
    const spool = { ...durableSpool(), put: () => new Promise<void>(() => undefined) }
    const arrivals = new Arrivals({ store: storeWith(() => 'hang'), spool, timeoutMs: TIMEOUT_MS })
    await expect(arrivals.keep([appendOf(streamOf(1), ['a'])])).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  it('refuses a time limit that is none', () => {
    for (const timeoutMs of [0, -1, Number.NaN, '3000ms' as unknown as number])
      expect(() => new Arrivals({ store: memoryEventStore(), timeoutMs })).toThrow('ingestTimeoutMs: expected milliseconds from 1')
  })

  it('of one contact are recorded in their order and once, over a store that hangs, fails and comes back, and across kills', async () => {
    const turns = fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.record({ afterMs: fc.integer({ min: 0, max: 3 }), fails: fc.constant('no' as const) }) },
        fc.record({ afterMs: fc.integer({ min: 0, max: 3 }), fails: fc.constantFrom('before' as const, 'after' as const) }),
        fc.constant('hang' as const),
      ),
      { minLength: 5, maxLength: 40 },
    )
    const contacts = [0, 1, 2, 3, 4]
    await fc.assert(
      fc.asyncProperty(turns, fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 2, maxLength: 4 }), async (script, lives) => {
        const log = memoryEventStore()
        const spool = durableSpool()
        const arrived = new Map(contacts.map((contact) => [contact, [] as string[]]))
        const kept = new Set<string>()
        const disks: ReturnType<typeof storeWith>[] = []
        let used = 0
        let isWell = false
        const good: Turn = { afterMs: 0, fails: 'no' }
        const next = () => (isWell ? good : (script[used++ % script.length] as Turn | 'hang'))

        for (const [life, arrivalsEach] of lives.entries()) {
          // A kill: the process gives nothing more to store or spool, and hears no answer. What it gave to the store may be recorded.
          let isKilled = false
          const untilKilled = async <T>(answer: Promise<T>): Promise<T> => {
            const [settled] = await Promise.allSettled([answer])
            if (isKilled) await new Promise(() => undefined)
            return settled.status === 'fulfilled' ? settled.value : Promise.reject(settled.reason)
          }
          const disk = storeWith(next, log)
          const reachable: EventStore = {
            ...disk,
            append: (requests) => (isKilled ? new Promise(() => undefined) : untilKilled(disk.append(requests))),
          }
          const alive: Spool = {
            ...spool,
            put: (requests) => (isKilled ? new Promise(() => undefined) : spool.put(requests)),
          }
          const cache = eventCache({ store: reachable, writeTimeoutMs: 30 })
          const arrivals = new Arrivals({ store: cache, spool: alive, timeoutMs: 15, onSpooled: () => drainer.wake() })
          const drainer = spoolDrainer({
            spool: alive,
            store: cache,
            logger: silentLogger,
            onEmpty: () => arrivals.drained(),
            firstWaitMs: 5,
            longestWaitMs: 20,
          })
          drainer.start()
          isWell = life === lives.length - 1
          // What an earlier life gave to the store may still be recorded now.
          const late = setTimeout(() => {
            for (const letGo of disks.flatMap(({ hung }) => hung.splice(0))) letGo()
          }, 10)
          disks.push(disk)
          const keeping: Promise<unknown>[] = []
          for (let turn = 0; turn < arrivalsEach; turn += 1) {
            for (const contact of contacts) {
              const key = `${contact}-${life}-${turn}`
              arrived.get(contact)?.push(key)
              // The next one comes whether or not this one is kept by then.
              const keep = arrivals.keep([appendOf(streamOf(contact), [key])]).then(() => kept.add(key))
              keeping.push(keep.catch(() => undefined))
            }
            if (turn % 3 !== 0) await pause(turn % 4)
          }
          await Promise.race([Promise.all(keeping), pause(isWell ? 5_000 : 20)])
          clearTimeout(late)
          if (!isWell) isKilled = true
          else {
            const until = performance.now() + 5_000
            while (spool.waiting.length > 0 && performance.now() < until) await pause(5)
          }
          await Promise.race([drainer.stop(), pause(50)])
        }
        for (const letGo of disks.flatMap(({ hung }) => hung)) letGo()
        await pause(1)
        const recorded = await collect(log.readAll())
        for (const contact of contacts) {
          const inLog = recorded.filter(({ streamId }) => streamId === streamOf(contact)).map(({ idempotencyKey }) => idempotencyKey)
          expect(inLog.filter((key) => kept.has(key))).toEqual(arrived.get(contact)?.filter((key) => kept.has(key)))
        }
      }),
      { numRuns: 40, seed: 1, endOnFailure: true },
    )
  }, 60_000)
})
