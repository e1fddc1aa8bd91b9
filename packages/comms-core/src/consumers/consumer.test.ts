import { describe, expect, it } from 'vitest'
import { appendOf } from '../conformance/builders.ts'
import { CommsError } from '../errors.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import type { Sleep } from '../pause.ts'
import { eventCache } from '../store/event-cache.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import type { CheckpointStore } from './checkpoint-store.ts'
import { runConsumer } from './consumer.ts'
import type { ConsumerOptions, ConsumerProblem } from './consumer-options.ts'
import { memoryCheckpointStore } from './memory-checkpoint-store.ts'

const STREAM = 'whatsapp:+33639980001'

async function logOf(...names: string[]): Promise<EventStore> {
  const store = memoryEventStore({ logId: 'test' })
  await store.append([appendOf(STREAM, names)])
  return store
}

const CLEAN = { setAside: { count: 0, last: [] }, unreadable: 0, contested: false }

/** A turn of the event loop instead of any wait, however long. */
const noWait: Sleep = () => new Promise((resolve) => setImmediate(resolve))
/** Ends only with the signal. */
const forEver: Sleep = (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve()))

/** Runs over a log until it has been read to its end. */
async function runToEnd(options: Omit<ConsumerOptions, 'id'>) {
  let caughtUp = () => {}
  const end = new Promise<void>((resolve) => {
    caughtUp = resolve
  })
  const consumer = runConsumer({
    id: 'test',
    pollMs: 60_000,
    ...options,
    sleep: (ms, signal) => {
      if (ms !== 60_000) return options.sleep?.(ms, signal) ?? noWait(ms, signal)
      caughtUp()
      return forEver(ms, signal)
    },
  })
  await Promise.race([end, consumer.done])
  return consumer
}

function recorder() {
  const seen: string[] = []
  const handle = (event: RecordedEvent) => {
    seen.push(event.idempotencyKey)
  }
  return { seen, handle }
}

/** Fails these events this many times, then takes them. */
function failing(faults: Record<string, number>) {
  const seen: string[] = []
  const handle = async (event: RecordedEvent) => {
    const left = faults[event.idempotencyKey] ?? 0
    faults[event.idempotencyKey] = left - 1
    if (left > 0) throw new Error(`cannot take ${event.idempotencyKey}`)
    seen.push(event.idempotencyKey)
  }
  return { seen, handle }
}

describe('a consumer', () => {
  it('handles the whole log in order, one event at a time, and saves where it stands', async () => {
    const store = await logOf('a', 'b', 'c')
    const checkpoints = memoryCheckpointStore()
    const acts: string[] = []
    const consumer = await runToEnd({
      store,
      checkpoints,
      handle: async ({ idempotencyKey }) => {
        acts.push(`${idempotencyKey} begins`)
        await noWait(0, new AbortController().signal)
        acts.push(`${idempotencyKey} ends`)
      },
    })
    expect(acts).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
    const position = 'test.000000000003'
    expect(await checkpoints.load('test')).toBe(position)
    expect(consumer.state()).toEqual({ status: 'waiting', position, savedPosition: position, handled: 3, failedTries: 0, ...CLEAN })
    await consumer.stop()
    expect(consumer.state().status).toBe('stopped')
  })

  it('goes on from its checkpoint', async () => {
    const store = await logOf('a', 'b')
    const checkpoints = memoryCheckpointStore()
    const { seen, handle } = recorder()
    await (await runToEnd({ store, checkpoints, handle })).stop()
    await store.append([appendOf(STREAM, ['c'])])
    await (await runToEnd({ store, checkpoints, handle })).stop()
    expect(seen).toEqual(['a', 'b', 'c'])
  })

  it('repeats after a crash what was not saved, and skips nothing', async () => {
    const store = await logOf('a', 'b', 'c', 'd', 'e')
    const checkpoints = memoryCheckpointStore()
    const saved: string[] = []
    const crashing: CheckpointStore = {
      load: (id) => checkpoints.load(id),
      save: async (id, position) => {
        // The process is gone from the second save on.
        if (saved.push(position) === 1) await checkpoints.save(id, position)
      },
    }
    const { seen, handle } = recorder()
    await (await runToEnd({ store, checkpoints: crashing, handle, saveEvery: 2 })).stop()
    expect(saved).toEqual(['test.000000000002', 'test.000000000004', 'test.000000000005'])
    await (await runToEnd({ store, checkpoints, handle })).stop()
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e', 'c', 'd', 'e'])
  })

  it('saves by time too, for handlers that are slow', async () => {
    const store = await logOf('a', 'b', 'c', 'd')
    const saved: string[] = []
    let now = 0
    const checkpoints: CheckpointStore = {
      load: async () => undefined,
      save: async (_, position) => {
        saved.push(position)
      },
    }
    const handle = () => {
      now += 600
    }
    await (await runToEnd({ store, checkpoints, handle, clock: { now: () => now }, saveEveryMs: 1000 })).stop()
    expect(saved).toEqual(['test.000000000002', 'test.000000000004'])
  })

  it('sees what is recorded later, by polling', async () => {
    const store = await logOf('a')
    const { seen, handle } = recorder()
    const consumer = runConsumer({ id: 'test', store, checkpoints: memoryCheckpointStore(), handle, sleep: noWait })
    await store.append([appendOf(STREAM, ['b'])])
    while (seen.length < 2) await noWait(0, new AbortController().signal)
    await consumer.stop()
    expect(seen).toEqual(['a', 'b'])
  })

  it('is woken by a wake-up long before it would poll, such as by the tail of the event cache', async () => {
    const cache = eventCache({ store: memoryEventStore({ logId: 'test' }) })
    const { seen, handle } = recorder()
    const consumer = runConsumer({
      id: 'test',
      store: cache,
      checkpoints: memoryCheckpointStore(),
      handle,
      pollMs: 60_000,
      wakeUp: async (waiting) => {
        for await (const _ of cache.tail(waiting)) return
      },
    })
    for (const key of ['a', 'b', 'c']) {
      await cache.append([appendOf(STREAM, [key])])
      while (seen.at(-1) !== key) await noWait(0, new AbortController().signal)
    }
    await consumer.stop()
    expect(seen).toEqual(['a', 'b', 'c'])
    await cache.close()
  })

  it('polls on when the wake-up fails', async () => {
    const store = await logOf('a')
    const { seen, handle } = recorder()
    const wakeUp = () => Promise.reject(new Error('no connection'))
    const consumer = runConsumer({ id: 'test', store, checkpoints: memoryCheckpointStore(), handle, sleep: noWait, wakeUp })
    await store.append([appendOf(STREAM, ['b'])])
    while (seen.length < 2) await noWait(0, new AbortController().signal)
    await consumer.stop()
  })

  it('misses no event that is recorded while it reads', async () => {
    const store = await logOf('a')
    let wake = () => {}
    const { seen, handle } = recorder()
    const late: EventStore = {
      ...store,
      append: store.append.bind(store),
      readAll: async function* (options) {
        yield* store.readAll(options)
        if (seen.length === 1) {
          await store.append([appendOf(STREAM, ['b'])])
          wake()
        }
      },
    }
    const wakeUp = () =>
      new Promise<void>((resolve) => {
        wake = resolve
      })
    const consumer = runConsumer({ id: 'test', store: late, checkpoints: memoryCheckpointStore(), handle, sleep: forEver, wakeUp })
    while (seen.length < 2) await noWait(0, new AbortController().signal)
    await consumer.stop()
    expect(seen).toEqual(['a', 'b'])
  })
})

describe('a handler that fails', () => {
  it('is tried again with waits that double, less a random half', async () => {
    const waits: number[] = []
    const problems: ConsumerProblem[] = []
    const { seen, handle } = failing({ b: 4 })
    const consumer = await runToEnd({
      store: await logOf('a', 'b', 'c'),
      checkpoints: memoryCheckpointStore(),
      handle,
      firstRetryMs: 100,
      maxRetryMs: 350,
      random: () => 0.5,
      onProblem: (problem) => void problems.push(problem),
      sleep: async (ms) => void waits.push(ms),
    })
    const waited = [...waits]
    await consumer.stop()
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(waited).toEqual([75, 150, 263, 263])
    expect(problems.map(({ during, event, tries, next }) => [during, event?.idempotencyKey, tries, next])).toEqual(
      [1, 2, 3, 4].map((tries) => ['handle', 'b', tries, 'retry']),
    )
  })

  it('waits as long as the error says', async () => {
    const waits: number[] = []
    let tries = 0
    const handle = () => {
      tries += 1
      if (tries === 1) throw new CommsError('send_unavailable', 'slow down', { retryAfterMs: 12_345 })
    }
    const store = await logOf('a')
    const sleep: Sleep = async (ms) => void waits.push(ms)
    const consumer = await runToEnd({ store, checkpoints: memoryCheckpointStore(), handle, sleep })
    expect(waits).toEqual([12_345])
    await consumer.stop()
  })

  it('ends the consumer after maxTries with onPoison stop, its checkpoint before the poison', async () => {
    const checkpoints = memoryCheckpointStore()
    const problems: ConsumerProblem[] = []
    const { seen, handle } = failing({ b: 99 })
    const store = await logOf('a', 'b', 'c')
    const consumer = runConsumer({
      id: 'test',
      store,
      checkpoints,
      handle,
      maxTries: 3,
      onPoison: 'stop',
      sleep: noWait,
      onProblem: (problem) => void problems.push(problem),
    })
    await expect(consumer.done).rejects.toThrow('cannot take b')
    expect(seen).toEqual(['a'])
    expect(problems.map(({ next }) => next)).toEqual(['retry', 'retry', 'stop'])
    expect(await checkpoints.load('test')).toBe('test.000000000001')
    expect(consumer.state()).toMatchObject({ status: 'failed', handled: 1, failedTries: 3, ...CLEAN })
    await expect(consumer.stop()).rejects.toThrow('cannot take b')
  })

  it('is set aside after maxTries, once the report has taken it, and the consumer goes on', async () => {
    const checkpoints = memoryCheckpointStore()
    const aside: string[] = []
    const { seen, handle } = failing({ b: 99 })
    const consumer = await runToEnd({
      store: await logOf('a', 'b', 'c'),
      checkpoints,
      handle,
      maxTries: 2,
      onProblem: async ({ event, next }) => {
        await noWait(0, new AbortController().signal)
        if (next === 'set-aside') aside.push(`${event?.idempotencyKey} after ${seen.join()}`)
      },
    })
    await consumer.stop()
    expect(seen).toEqual(['a', 'c'])
    expect(aside).toEqual(['b after a'])
    const position = 'test.000000000002'
    const last = [{ position, eventId: expect.any(String), type: 'message.received', reason: 'cannot take b' }]
    expect(consumer.state()).toMatchObject({ handled: 2, setAside: { count: 1, last }, position: 'test.000000000003' })
  })

  it('is not set aside when the report fails', async () => {
    const checkpoints = memoryCheckpointStore()
    const consumer = runConsumer({
      id: 'test',
      store: await logOf('a', 'b'),
      checkpoints,
      handle: failing({ b: 99 }).handle,
      maxTries: 1,
      onProblem: () => Promise.reject(new Error('nowhere to put it')),
    })
    await expect(consumer.done).rejects.toThrow('nowhere to put it')
    expect(await checkpoints.load('test')).toBe('test.000000000001')
  })
})

describe('an outage', () => {
  const away = () => new CommsError('store_unavailable', 'away')

  it('of the log is waited out, and no event is seen twice', async () => {
    const store = await logOf('a', 'b', 'c')
    let reads = 0
    const shaky: EventStore = {
      ...store,
      readAll: async function* (options) {
        reads += 1
        if (reads === 1) throw away()
        for await (const event of store.readAll(options)) {
          yield event
          if (reads < 4) throw away()
        }
      },
    }
    const { seen, handle } = recorder()
    const problems: ConsumerProblem[] = []
    const consumer = await runToEnd({
      store: shaky,
      checkpoints: memoryCheckpointStore(),
      handle,
      onProblem: (problem) => void problems.push(problem),
    })
    await consumer.stop()
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(problems.map(({ during, tries }) => [during, tries])).toEqual([
      ['read', 1],
      ['read', 1],
      ['read', 1],
    ])
  })

  it('of the checkpoints holds no work up; the next save makes up for it', async () => {
    const checkpoints = memoryCheckpointStore()
    let saves = 0
    const shaky: CheckpointStore = {
      load: (id) => checkpoints.load(id),
      save: async (id, position) => {
        saves += 1
        if (saves <= 2) throw away()
        await checkpoints.save(id, position)
      },
    }
    const { seen, handle } = recorder()
    const problems: ConsumerProblem[] = []
    const consumer = await runToEnd({
      store: await logOf('a', 'b', 'c', 'd', 'e'),
      checkpoints: shaky,
      handle,
      saveEvery: 2,
      onProblem: (problem) => void problems.push(problem),
    })
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(problems.map(({ during, tries, next }) => [during, tries, next])).toEqual([
      ['checkpoint', 1, 'retry'],
      ['checkpoint', 2, 'retry'],
    ])
    expect(await checkpoints.load('test')).toBe('test.000000000005')
    await consumer.stop()
  })

  it('of the checkpoints at the start is waited out', async () => {
    const checkpoints = memoryCheckpointStore()
    await checkpoints.save('test', 'test.000000000002')
    let loads = 0
    const shaky: CheckpointStore = {
      load: async (id) => {
        loads += 1
        if (loads < 3) throw away()
        return checkpoints.load(id)
      },
      save: (id, position) => checkpoints.save(id, position),
    }
    const { seen, handle } = recorder()
    await (await runToEnd({ store: await logOf('a', 'b', 'c'), checkpoints: shaky, handle })).stop()
    expect(seen).toEqual(['c'])
  })

  it('is told apart from an error that will not pass', async () => {
    const log = await logOf('a')
    const corrupt = () => {
      throw new CommsError('store_corrupt', 'not what was written')
    }
    const store = { ...log, append: log.append.bind(log), find: log.find.bind(log), readAll: corrupt } as unknown as EventStore
    const consumer = runConsumer({ id: 'test', store, checkpoints: memoryCheckpointStore(), handle: () => {} })
    await expect(consumer.done).rejects.toMatchObject({ code: 'store_corrupt' })
    expect(consumer.state().status).toBe('failed')
  })

  it('of a system that the handler uses never makes an event poison, until it has lasted outageLimitMs', async () => {
    let now = 0
    const clock = { now: () => now }
    const sleep: Sleep = async () => {
      now += 60_000
      await noWait(0, new AbortController().signal)
    }
    let outageEnds = 3_600_000
    const seen: string[] = []
    const handle = ({ idempotencyKey }: RecordedEvent) => {
      if (now < outageEnds) throw new CommsError('directory_unavailable', 'the CRM is away')
      seen.push(idempotencyKey)
    }
    const store = await logOf('a', 'b')
    const options = { store, handle, clock, sleep, maxTries: 2 }
    const patient = await runToEnd({ ...options, checkpoints: memoryCheckpointStore() })
    expect(patient.state()).toMatchObject({ handled: 2, setAside: { count: 0 } })
    outageEnds = now + 9_000_000
    const limited = await runToEnd({ ...options, checkpoints: memoryCheckpointStore(), outageLimitMs: 3_600_000 })
    expect(limited.state()).toMatchObject({ handled: 0, setAside: { count: 2, last: [{ reason: 'the CRM is away' }, {}] } })
    await Promise.all([patient.stop(), limited.stop()])
  })
})

it('ends with an error of the checkpoint store that is no outage', async () => {
  const save = () => Promise.reject(new CommsError('store_closed', 'closed'))
  const store = await logOf('a', 'b')
  const consumer = runConsumer({ id: 'test', store, checkpoints: { load: async () => undefined, save }, handle: () => {} })
  await expect(consumer.done).rejects.toMatchObject({ code: 'store_closed' })
})

describe('stop', () => {
  it('finishes the event under way, saves the checkpoint, and begins no other', async () => {
    const checkpoints = memoryCheckpointStore()
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const acts: string[] = []
    const consumer = runConsumer({
      id: 'test',
      store: await logOf('a', 'b'),
      checkpoints,
      handle: async ({ idempotencyKey }, { signal }) => {
        acts.push(`${idempotencyKey} begins`)
        await gate
        acts.push(`${idempotencyKey} ends, aborted: ${signal.aborted}`)
      },
    })
    while (acts.length === 0) await noWait(0, new AbortController().signal)
    const stopped = consumer.stop()
    go()
    await stopped
    expect(acts).toEqual(['a begins', 'a ends, aborted: false'])
    expect(await checkpoints.load('test')).toBe('test.000000000001')
  })

  it('cuts a wait between tries short and leaves the event for the next run', async () => {
    const checkpoints = memoryCheckpointStore()
    const { seen, handle } = failing({ b: 1 })
    const store = await logOf('a', 'b')
    const consumer = runConsumer({ id: 'test', store, checkpoints, handle, firstRetryMs: 1e9, maxRetryMs: 1e9 })
    while (consumer.state().status !== 'retrying') await noWait(0, new AbortController().signal)
    await consumer.stop()
    expect(await checkpoints.load('test')).toBe('test.000000000001')
    await (await runToEnd({ store, checkpoints, handle })).stop()
    expect(seen).toEqual(['a', 'b'])
  })

  it('does not depend on a wake-up that never lets go', async () => {
    const consumer = runConsumer({
      id: 'test',
      store: await logOf('a'),
      checkpoints: memoryCheckpointStore(),
      handle: () => {},
      wakeUp: () => new Promise(() => {}),
    })
    while (consumer.state().status !== 'waiting') await noWait(0, new AbortController().signal)
    await consumer.stop()
    await consumer.stop()
  })

  it('tells when the last checkpoint could not be saved', async () => {
    const save = () => Promise.reject(new CommsError('store_unavailable', 'away'))
    const consumer = await runToEnd({ store: await logOf('a'), checkpoints: { load: async () => undefined, save }, handle: () => {} })
    await expect(consumer.stop()).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  it('by the signal aborts the event under way too', async () => {
    const controller = new AbortController()
    const checkpoints = memoryCheckpointStore()
    const consumer = runConsumer({
      id: 'test',
      store: await logOf('a', 'b'),
      checkpoints,
      signal: controller.signal,
      maxTries: 1,
      handle: async ({ idempotencyKey }, { signal }) => {
        if (idempotencyKey === 'a') return
        controller.abort()
        signal.throwIfAborted()
      },
    })
    await consumer.done
    expect(consumer.state()).toMatchObject({ status: 'stopped', handled: 1 })
    expect(await checkpoints.load('test')).toBe('test.000000000001')
  })

  it('by a signal that was aborted before handles nothing', async () => {
    const { seen, handle } = recorder()
    const signal = AbortSignal.abort()
    await runConsumer({ id: 'test', store: await logOf('a'), checkpoints: memoryCheckpointStore(), handle, signal }).done
    expect(seen).toEqual([])
  })
})

it.each([
  'maxTries',
  'outageLimitMs',
  'handleTimeoutMs',
  'stopTimeoutMs',
  'firstRetryMs',
  'maxRetryMs',
  'saveEvery',
  'saveEveryMs',
  'pollMs',
])('refuses %s of 0', (option) => {
  const run = () =>
    runConsumer({
      id: 'crm',
      store: memoryEventStore({ logId: 'test' }),
      checkpoints: memoryCheckpointStore(),
      handle: () => {},
      [option]: 0,
    })
  expect(run).toThrow(`runConsumer "crm": ${option}: expected a whole number from 1, got 0`)
})
