import { describe, expect, it } from 'vitest'
import { appendOf, keys } from '../conformance/builders.ts'
import { CommsError } from '../errors.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { VirtualTime } from '../outbox/testing/virtual-time.ts'
import { type Logger, silentLogger } from '../runtime.ts'
import { eventCache } from '../store/event-cache.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { readByOlderRelease } from '../store/testing/older-release.ts'
import { runConsumer } from './consumer.ts'
import type { ConsumerOptions, ConsumerProblem } from './consumer-options.ts'
import { memoryCheckpointStore } from './memory-checkpoint-store.ts'

const STREAM = 'whatsapp:+33639980001'

async function logOf(names: readonly string[], logId = 'test'): Promise<EventStore> {
  const store = memoryEventStore({ logId })
  await store.append([appendOf(STREAM, [...names])])
  return store
}

/** Starts a consumer in virtual time, and keeps what it handled, reported and logged. */
function watched(options: Omit<ConsumerOptions, 'id' | 'handle'> & Partial<ConsumerOptions>) {
  const time = new VirtualTime()
  const seen: string[] = []
  const problems: ConsumerProblem[] = []
  const warnings: string[] = []
  const logger: Logger = { ...silentLogger, warn: (message) => warnings.push(message) }
  const consumer = runConsumer({
    id: 'test',
    handle: ({ idempotencyKey }) => void seen.push(idempotencyKey),
    onProblem: (problem) => void problems.push(problem),
    logger,
    clock: time.clock,
    sleep: time.sleep,
    ...options,
  })
  return { time, seen, problems, warnings, consumer }
}

describe('a checkpoint that is not a place in the log', () => {
  it.each([
    ['of another log', 'other.000000000002'],
    ['ahead of the log, which was restored from an older copy', 'test.000000000009'],
    ['of no log at all', 'anything'],
  ])('%s is said once, and the log is read from the beginning', async (_, checkpoint) => {
    const checkpoints = memoryCheckpointStore()
    await checkpoints.save('test', checkpoint)
    const { time, seen, problems, warnings, consumer } = watched({ store: await logOf(['a', 'b']), checkpoints })
    await time.pass(60_000)
    expect(seen).toEqual(['a', 'b'])
    expect(problems).toEqual([{ during: 'read', error: expect.objectContaining({ code: 'position_invalid' }), tries: 1, next: 'restart' }])
    expect(warnings).toEqual([expect.stringContaining('not a place in this log; reads from the beginning')])
    expect(consumer.state()).toMatchObject({ status: 'waiting', foreignCheckpoint: checkpoint, contested: false })
    expect(await checkpoints.load('test')).toBe('test.000000000002')
    await consumer.stop()
  })

  it('ends the consumer with onForeignCheckpoint stop, and stays as it is', async () => {
    const checkpoints = memoryCheckpointStore()
    await checkpoints.save('test', 'other.000000000002')
    const { seen, problems, consumer } = watched({ store: await logOf(['a']), checkpoints, onForeignCheckpoint: 'stop' })
    await expect(consumer.done).rejects.toMatchObject({ code: 'position_invalid' })
    expect(seen).toEqual([])
    expect(problems.map(({ next }) => next)).toEqual(['stop'])
    expect(await checkpoints.load('test')).toBe('other.000000000002')
  })
})

describe('an event of a newer release', () => {
  it('is passed by, counted, reported with the remedy, and logged once', async () => {
    const names = keys('e', 5)
    const log = await logOf(names)
    const newer = ['e-2', 'e-4']
    const store = readByOlderRelease(log, ({ idempotencyKey }) => newer.includes(idempotencyKey))
    const checkpoints = memoryCheckpointStore()
    const { time, seen, problems, warnings, consumer } = watched({ store, checkpoints })
    await time.pass(5_000)
    expect(seen).toEqual(names.filter((name) => !newer.includes(name)))
    expect(problems.map(({ during, event, next }) => [during, event?.type, next])).toEqual(
      newer.map(() => ['read', 'event.unreadable', 'pass']),
    )
    expect(warnings).toEqual([expect.stringContaining('upgrade to have it handled')])
    expect(consumer.state()).toMatchObject({ status: 'waiting', unreadable: 2, handled: 3 })
    expect(await checkpoints.load('test')).toBe('test.000000000005')
    await consumer.stop()
  })
})

describe('two consumers of one id', () => {
  it('are refused in one process, until the first has stopped', async () => {
    const checkpoints = memoryCheckpointStore()
    const store = await logOf(['a'])
    const { consumer } = watched({ store, checkpoints })
    expect(() => watched({ store, checkpoints })).toThrow('Consumer "test" runs already on these checkpoints')
    const { consumer: other } = watched({ store, checkpoints, id: 'other' })
    await consumer.stop()
    await watched({ store, checkpoints }).consumer.stop()
    await other.stop()
  })

  it('in two processes are noticed by the checkpoint that moves, and said once', async () => {
    const shared = memoryCheckpointStore()
    const processOf = () => ({ load: shared.load.bind(shared), save: shared.save.bind(shared) })
    const store = await logOf(keys('a', 3))
    const first = watched({ store, checkpoints: processOf() })
    await first.time.pass(1_000)
    await store.append([appendOf(STREAM, keys('b', 3))])
    const second = watched({ store, checkpoints: processOf() })
    await second.time.pass(1_000)
    await store.append([appendOf(STREAM, keys('c', 3))])
    await second.time.pass(1_000)
    // The first has still to read what the second has saved.
    await first.time.pass(0)
    await shared.save('test', 'test.000000000001')
    await first.time.pass(3_000)
    expect(first.consumer.state().contested).toBe(true)
    expect(first.warnings).toEqual([expect.stringContaining('is there a second consumer of this id?')])
    expect(first.problems).toEqual([expect.objectContaining({ during: 'checkpoint', next: 'go-on' })])
    await Promise.all([first.consumer.stop(), second.consumer.stop()])
  })

  it('are not suspected when the handler writes the position beside its effect', async () => {
    let position: string | undefined
    const checkpoints = { load: async () => position, save: async () => {} }
    const handle = (event: RecordedEvent) => {
      position = event.position
    }
    const { time, warnings, consumer } = watched({ store: await logOf(keys('a', 7)), checkpoints, handle, saveEvery: 2 })
    await time.pass(5_000)
    expect(consumer.state()).toMatchObject({ handled: 7, contested: false })
    expect(warnings).toEqual([])
    await consumer.stop()
  })
})

describe('a handler that never settles', () => {
  const never = () => new Promise<void>(() => {})

  it('does not hold stop() up: its signal is aborted, and its event is handled by the next run', async () => {
    const checkpoints = memoryCheckpointStore()
    const store = await logOf(['a', 'b'])
    let aborted = false
    const handle: ConsumerOptions['handle'] = ({ idempotencyKey }, { signal }) => {
      if (idempotencyKey === 'a') return
      signal.addEventListener('abort', () => {
        aborted = true
      })
      return never()
    }
    const { time, consumer } = watched({ store, checkpoints, handle })
    await time.pass(1_000)
    let stopped = false
    const stopping = consumer.stop().then(() => {
      stopped = true
    })
    await time.pass(29_000)
    expect({ aborted, stopped }).toEqual({ aborted: false, stopped: false })
    await time.pass(2_000)
    expect({ aborted, stopped }).toEqual({ aborted: true, stopped: false })
    await time.pass(5_000)
    await stopping
    expect(consumer.state().status).toBe('stopped')
    const next = watched({ store, checkpoints })
    await next.time.pass(1_000)
    expect(next.seen).toContain('b')
    await next.consumer.stop()
  })

  it('is aborted at once by stop({ abort: true })', async () => {
    const { time, consumer } = watched({ store: await logOf(['a']), checkpoints: memoryCheckpointStore(), handle: never })
    await time.pass(0)
    const stopping = consumer.stop({ abort: true })
    await time.pass(5_000)
    await stopping
  })

  it('cannot move the checkpoint any more when it settles after all', async () => {
    const checkpoints = memoryCheckpointStore()
    let settle = () => {}
    const handle = () =>
      new Promise<void>((resolve) => {
        settle = resolve
      })
    const { time, consumer } = watched({ store: await logOf(['a']), checkpoints, handle })
    await time.pass(0)
    void consumer.stop({ abort: true })
    await time.pass(5_000)
    settle()
    await time.pass(5_000)
    expect(await checkpoints.load('test')).toBeUndefined()
    expect(consumer.state().status).toBe('stopped')
  })

  it('has failed its try after handleTimeoutMs, and is set aside after all tries', async () => {
    const handle: ConsumerOptions['handle'] = ({ idempotencyKey }) => (idempotencyKey === 'a' ? never() : undefined)
    const options = { store: await logOf(['a', 'b']), checkpoints: memoryCheckpointStore(), handle, handleTimeoutMs: 1_000, maxTries: 2 }
    const { time, consumer } = watched(options)
    await time.pass(10_000)
    expect(consumer.state()).toMatchObject({ handled: 1, setAside: { count: 1, last: [{ reason: 'the time limit of 1000 ms is over' }] } })
    await consumer.stop()
  })
})

describe('a log that is closed before its consumer is stopped', () => {
  it.each(['waits', 'works'])('ends a consumer that %s as if it was stopped', async (what) => {
    const store = eventCache({ store: await logOf(['a', 'b']) })
    const handle = async () => {
      if (what !== 'works') return
      await store.close()
      await store.find('anything')
    }
    const { time, consumer, problems } = watched({ store, checkpoints: memoryCheckpointStore(), handle })
    await time.pass(500)
    await store.close()
    await time.pass(5_000)
    await consumer.done
    expect(consumer.state().status).toBe('stopped')
    expect(problems).toEqual([])
    await consumer.stop()
  })

  it('is told apart from another closed store that the handler uses', async () => {
    const handle = () => Promise.reject(new CommsError('store_closed', 'some other store'))
    const { time, consumer } = watched({ store: await logOf(['a']), checkpoints: memoryCheckpointStore(), handle, maxTries: 2 })
    await time.pass(10_000)
    expect(consumer.state()).toMatchObject({ status: 'waiting', setAside: { count: 1 } })
    await consumer.stop()
  })
})
