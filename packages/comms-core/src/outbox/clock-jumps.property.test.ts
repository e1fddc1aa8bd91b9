import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OutboxWorld } from './testing/outbox-world.ts'
import { PigeonPost } from './testing/pigeon-post.ts'

const TIMEOUT_MS = 5_000
const HOUR_MS = 3_600_000

/** Two instances on one log, each with a clock of its own, and a provider that answers after a while and never lies about what it took. */
function twoInstances({ callMs, ...over }: { callMs: number; resendUncertainAfterMs?: number }) {
  const pigeon: PigeonPost = new PigeonPost({ pause: () => world.time.sleep(callMs, new AbortController().signal) })
  const world = new OutboxWorld([pigeon.transport])
  const aheadMs = [0, 0] as [number, number]
  const start = (which: 0 | 1) =>
    world.start({ clock: world.time.clockAhead(() => aheadMs[which]), attemptTimeoutMs: TIMEOUT_MS, pollMs: 300_000, ...over })
  return { world, pigeon, aheadMs, start }
}

it('a clock that is stepped ten minutes forward while another instance sends makes no message twice', async () => {
  const { world, pigeon, aheadMs, start } = twoInstances({ callMs: 1_500 })
  start(0)
  await world.time.pass(100)
  const sent = await Promise.all(Array.from({ length: 10 }, (_, index) => world.request({ to: `+336399800${10 + index}` })))
  await world.time.pass(50)
  start(1)
  // The other instance has something to do soon, so its timers go off.
  await world.request({ to: '+33639980001', notBefore: new Date(world.time.clock.now() + 700) })
  await world.time.pass(500)
  aheadMs[1] = 600_000
  await world.time.pass(60_000)
  expect(pigeon.taken).toHaveLength(11)
  expect(new Set(pigeon.taken).size).toBe(11)
  expect((await world.log()).filter(({ type }) => type === 'message.uncertain')).toEqual([])
  expect(pigeon.taken).toEqual(expect.arrayContaining(sent.map(({ messageId }) => messageId)))
  await world.end()
})

const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ act: fc.constant('request' as const), to: fc.nat(6), inMs: fc.constantFrom(0, 0, 700, 5_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('set' as const),
      which: fc.constantFrom(0 as const, 1 as const),
      // Less than a day forward: what is older at a start is given up.
      aheadMs: fc.constantFrom(-86_400_000, -600_000, -5_000, 0, 5_000, 60_000, 600_000, 72_000_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('restart' as const), which: fc.constantFrom(0 as const, 1 as const) }) },
  { weight: 4, arbitrary: fc.record({ act: fc.constant('pass' as const), ms: fc.constantFrom(1, 50, 400, 1_300, 4_000, 20_000) }) },
)

it('clocks that are stepped at any moment in any direction, with restarts in between, make no message twice and lose none', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), fc.constantFrom(0, 300, 1_500, 4_500), async (story, callMs) => {
      const { world, pigeon, aheadMs, start } = twoInstances({ callMs })
      const instances = [start(0), start(1)]
      const requested: string[] = []
      for (const { act, ...given } of story as { act: string; to: number; inMs: number; which: 0 | 1; aheadMs: number; ms: number }[]) {
        if (act === 'request') {
          const notBefore = new Date(world.time.clock.now() + given.inMs)
          const { messageId } = await world.request({ to: `+3363998000${given.to}`, ...(given.inMs > 0 ? { notBefore } : {}) })
          requested.push(messageId)
        } else if (act === 'set') aheadMs[given.which] = given.aheadMs
        else if (act === 'restart') {
          void instances[given.which]?.stop({ abort: true })
          instances[given.which] = start(given.which)
        } else await world.time.pass(given.ms)
      }
      await world.time.pass(60_000)
      aheadMs.fill(0)
      await world.time.pass(HOUR_MS / 2)
      expect([...pigeon.taken].sort()).toEqual([...new Set(pigeon.taken)].sort())
      expect(pigeon.taken).toHaveLength(requested.length)
      await world.end()
    }),
    { numRuns: 60 },
  )
}, 120_000)

describe('a clock that is stepped forward', () => {
  it('does not make the fallback come early', async () => {
    const pigeon = new PigeonPost()
    const raven = new PigeonPost({ id: 'raven', channel: 'raven' })
    const world = new OutboxWorld([pigeon.transport, raven.transport])
    let aheadMs = 0
    world.start({ clock: world.time.clockAhead(() => aheadMs) })
    const { messageId } = await world.request({ fallback: [{ channel: 'raven', to: '+33639980001', afterMs: HOUR_MS }] })
    await world.time.pass(1_000)
    aheadMs = 2 * HOUR_MS
    await world.time.pass(HOUR_MS / 2)
    await world.callback('message.delivered', messageId, '+33639980001')
    await world.time.pass(2 * HOUR_MS)
    expect(raven.taken).toEqual([])
    await world.end()
  })

  it('does not make a copy come early that the caller allowed for later', async () => {
    const pigeon = new PigeonPost({ reconciles: false })
    const world = new OutboxWorld([pigeon.transport])
    let aheadMs = 0
    pigeon.answers = ['hang-after-taking']
    world.start({ clock: world.time.clockAhead(() => aheadMs), attemptTimeoutMs: TIMEOUT_MS, resendUncertainAfterMs: 60_000 })
    const { messageId } = await world.request({ onUncertain: 'resend' })
    await world.time.pass(TIMEOUT_MS + 5_000)
    aheadMs = HOUR_MS
    await world.time.pass(10_000)
    await world.callback('message.delivered', messageId, '+33639980001')
    expect(pigeon.taken).toEqual([messageId])
    await world.end()
  })

  it('does not let a message fail as too old', async () => {
    const pigeon = new PigeonPost()
    const world = new OutboxWorld([pigeon.transport])
    let aheadMs = 0
    pigeon.answers = ['busy']
    world.start({ clock: world.time.clockAhead(() => aheadMs) })
    const { messageId } = await world.request()
    await world.time.pass(1_000)
    aheadMs = 7 * 86_400_000
    await world.time.pass(60_000)
    expect(pigeon.taken).toEqual([messageId])
    await world.end()
  })
})

it('a clock that is stepped back holds no message up', async () => {
  const pigeon = new PigeonPost({ sendLimits: [{ messages: 1, perMs: 1_000 }] })
  const world = new OutboxWorld([pigeon.transport])
  let aheadMs = 0
  pigeon.answers = ['busy', 'hang-after-taking']
  world.start({ clock: world.time.clockAhead(() => aheadMs), attemptTimeoutMs: TIMEOUT_MS })
  for (let index = 0; index < 3; index += 1) await world.request({ to: `+3363998000${index}` })
  await world.time.pass(100)
  aheadMs = -86_400_000
  await world.time.pass(120_000)
  expect(pigeon.taken).toHaveLength(3)
  expect(new Set(pigeon.taken).size).toBe(3)
  await world.end()
})

it('tells the reconciler by a clock that cannot be set how long ago the attempt began, from 0 again after a restart', async () => {
  const elapsed: (number | undefined)[] = []
  const pigeon = new PigeonPost()
  const reconcile = async (_: unknown, { elapsedMs }: { elapsedMs?: number }) => {
    elapsed.push(elapsedMs)
    return 'unknown' as const
  }
  const world = new OutboxWorld([{ ...pigeon.transport, reconciler: { reconcile } }])
  let aheadMs = 0
  pigeon.answers = ['hang-after-taking']
  const start = () => world.start({ clock: world.time.clockAhead(() => aheadMs), attemptTimeoutMs: TIMEOUT_MS })
  const first = start()
  await world.request()
  await world.time.pass(1_000)
  aheadMs = HOUR_MS
  await world.time.pass(TIMEOUT_MS + 5_000)
  await first.stop()
  start()
  await world.time.pass(5_000)
  expect(elapsed[0]).toBeGreaterThan(TIMEOUT_MS)
  expect(elapsed[0]).toBeLessThan(10_000)
  expect(elapsed.at(-1)).toBeLessThan(5_000)
  await world.end()
})

it('an attempt whose claim was recorded while the machine slept is not made any more', async () => {
  const pigeon = new PigeonPost()
  const world = new OutboxWorld([pigeon.transport])
  let aheadMs = 0
  const store = {
    ...world.store,
    append: async (requests: Parameters<typeof world.store.append>[0]) => {
      const results = await world.store.append(requests)
      // While a machine sleeps its monotonic clock stands still, and the other one goes on.
      if (requests.some(({ events }) => events.some(({ type }) => type === 'message.attempted'))) aheadMs += HOUR_MS
      return results
    },
  }
  world.start({ store, clock: world.time.clockAhead(() => aheadMs), attemptTimeoutMs: TIMEOUT_MS })
  const { messageId } = await world.request({ expiresAt: new Date(world.time.clock.now() + HOUR_MS / 2) })
  await world.time.pass(10_000)
  expect([pigeon.taken, await world.typesOf(messageId)]).toEqual([[], ['requested', 'attempted', 'deferred', 'failed']])
  await world.end()
})
