import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CheckpointStore } from '../consumers/checkpoint-store.ts'
import { memoryCheckpointStore } from '../consumers/memory-checkpoint-store.ts'
import { CommsError, type CommsErrorCode } from '../errors.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { readStoredEvent } from '../events/upcaster.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { OutboxWorld } from './testing/outbox-world.ts'
import { PigeonPost } from './testing/pigeon-post.ts'

let pigeon: PigeonPost
let world: OutboxWorld
let lines: string[]
const logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message: string) => void lines.push(`warn ${message}`),
  error: (message: string) => void lines.push(`error ${message}`),
}
beforeEach(() => {
  pigeon = new PigeonPost()
  world = new OutboxWorld([pigeon.transport])
  lines = []
})
afterEach(() => world.end())

/** Checkpoints in which the outbox has a place of another log. */
async function foreignCheckpoints(): Promise<CheckpointStore> {
  const other = new OutboxWorld([new PigeonPost().transport])
  await other.request()
  const [event] = await other.log()
  const checkpoints = memoryCheckpointStore()
  await checkpoints.save('outbox', (event as RecordedEvent).position)
  return checkpoints
}

describe('a checkpoint that is not of this log', () => {
  it('is dropped, said once, and the log is read from its beginning', async () => {
    const before = await world.request()
    const outbox = world.start({ checkpoints: await foreignCheckpoints(), logger })
    await world.time.pass(10_000)
    const after = await world.request({ to: '+33639980002' })
    await world.time.pass(60_000)
    expect(pigeon.taken).toEqual([before.messageId, after.messageId])
    expect(lines).toEqual([expect.stringMatching(/^error Outbox: its checkpoint is dropped and the whole log is read: .*position/)])
    expect(world.problems).toEqual([{ kind: 'log', reason: expect.stringContaining('restored from a copy') }])
    expect(outbox.state()).toMatchObject({ feed: 'ready', unsettled: 0, problem: { code: 'position_invalid' } })
  })

  it('is replaced, so that the next start has nothing to say', async () => {
    const checkpoints = await foreignCheckpoints()
    await world.request()
    const first = world.start({ checkpoints })
    await world.time.pass(10_000)
    await first.stop()
    const second = world.start({ checkpoints, logger })
    await world.time.pass(10_000)
    expect([lines, second.state()]).toEqual([
      [],
      { feed: 'ready', unreadable: 0, unsettled: 0, lanes: expect.anything(), missingTransports: {} },
    ])
    expect(pigeon.taken).toHaveLength(1)
  })
})

it('an outbox whose log is exchanged while it runs reads the other log from its beginning', async () => {
  let current = world.store
  const exchanged: EventStore = {
    append: (requests) => current.append(requests),
    find: (key) => current.find(key),
    readStream: (streamId, options) => current.readStream(streamId, options),
    readAll: (options) => current.readAll(options),
    close: () => current.close(),
  }
  const outbox = world.start({ store: exchanged, pollMs: 1_000, logger })
  await world.request()
  await world.request({ to: '+33639980002', notBefore: new Date(world.time.clock.now() + 3_600_000) })
  await world.time.pass(5_000)
  const other = new OutboxWorld([pigeon.transport])
  const { messageId } = await other.request({ to: '+33639980003' })
  current = other.store
  await world.time.pass(10_000)
  expect(pigeon.taken).toHaveLength(2)
  expect(pigeon.taken[1]).toBe(messageId)
  expect(outbox.state()).toMatchObject({ feed: 'ready', unsettled: 0, problem: { code: 'position_invalid' } })
  expect(lines).toHaveLength(1)
})

it.each<[string, CommsErrorCode, number]>([
  ['at once when it is damaged', 'store_corrupt', 1_000],
  ['after a few tries when its store is away', 'store_unavailable', 10_000],
])('an outbox whose checkpoint cannot be loaded reads the whole log, %s', async (_, code, withinMs) => {
  const { messageId } = await world.request()
  const load = () => Promise.reject(new CommsError(code, 'no checkpoint today'))
  world.start({ checkpoints: { ...memoryCheckpointStore(), load, save: async () => undefined } })
  await world.time.pass(withinMs)
  expect(pigeon.taken).toEqual([messageId])
})

describe('a log that cannot be read', () => {
  function broken(code: CommsErrorCode) {
    const state = { broken: true }
    const readAll: EventStore['readAll'] = (options) => {
      if (state.broken) throw new CommsError(code, 'page 7 is damaged')
      return world.store.readAll(options)
    }
    return { state, store: { ...world.store, readAll } }
  }

  it.each<[CommsErrorCode, 'warn' | 'error', number]>([
    ['store_unavailable', 'warn', 0],
    ['store_corrupt', 'error', 1],
    ['store_closed', 'error', 1],
  ])('with %s shows in the state, is logged as %s once a minute, and sending goes on after it', async (code, level, problems) => {
    const { state, store } = broken(code)
    const { messageId } = await world.request()
    const outbox = world.start({ store, logger })
    expect(outbox.state()).toMatchObject({ feed: 'stopped' })
    await world.time.pass(130_000)
    expect(outbox.state()).toMatchObject({ feed: 'behind', problem: { code, message: 'page 7 is damaged' } })
    expect(lines.length).toBeLessThan(5)
    expect(lines[0]).toMatch(new RegExp(`^${level} Outbox: the log cannot be read`))
    expect(world.problems).toHaveLength(problems)
    state.broken = false
    await world.time.pass(20_000)
    expect([pigeon.taken, outbox.state().feed, outbox.state().problem]).toEqual([[messageId], 'ready', undefined])
  })
})

describe('an event that this release cannot read', () => {
  /** The log as a release reads it for which events of these types are of a newer schema. */
  function newer(isNewer: (event: RecordedEvent) => boolean): EventStore {
    const seen = (event: RecordedEvent) => (isNewer(event) ? readStoredEvent<RecordedEvent>({ ...event, schemaVersion: 99 }) : event)
    async function* all(events: AsyncIterable<RecordedEvent>) {
      for await (const event of events) yield seen(event)
    }
    return {
      ...world.store,
      append: async (requests) =>
        (await world.store.append(requests)).map((result) =>
          result.status === 'recorded'
            ? { ...result, events: result.events.map((each) => (each.repeated ? { ...each, event: seen(each.event) } : each)) }
            : result,
        ),
      readAll: (options) => all(world.store.readAll(options)),
      readStream: (streamId, options) => all(world.store.readStream(streamId, options)),
    }
  }

  it('is passed over, counted and said once, and what is well is sent', async () => {
    const bad = [await world.request(), await world.request({ to: '+33639980002' })].map(({ messageId }) => messageId)
    const good = await world.request({ to: '+33639980003' })
    const outbox = world.start({ store: newer(({ messageId }) => bad.includes(messageId ?? '')), logger })
    await world.time.pass(10_000)
    expect(pigeon.taken).toEqual([good.messageId])
    expect(outbox.state()).toMatchObject({ feed: 'ready', unreadable: 2 })
    expect(lines).toEqual([expect.stringMatching(/error Outbox: an event cannot be read and is passed over: .*schema version/)])
  })

  it('does not make a message be sent again when it is the claim of its attempt', async () => {
    const first = world.start()
    pigeon.answers = ['hang-after-taking']
    const { messageId } = await world.request()
    await world.time.pass(1_000)
    void first.stop({ abort: true })
    await world.time.pass(1_000)
    const claims = new Set<string>()
    const store = newer(({ type }) => type === 'message.attempted' || type === 'message.uncertain')
    const counting: EventStore = {
      ...store,
      append: (requests) => {
        for (const { events } of requests) for (const { type, id } of events) if (type === 'message.attempted') claims.add(id)
        return store.append(requests)
      },
    }
    world.start({ store: counting, attemptTimeoutMs: 5_000 })
    await world.time.pass(60_000)
    expect(pigeon.taken).toEqual([messageId])
    expect(claims.size).toBe(1)
  })
})

it('an outbox of a memory log shows that it was stopped', async () => {
  const outbox = world.start({ store: memoryEventStore({ clock: world.time.clock }) })
  await world.time.pass(100)
  expect(outbox.state().feed).toBe('ready')
  await outbox.stop()
  expect(outbox.state().feed).toBe('stopped')
})
