import { afterEach, expect, it } from 'vitest'
import type { SendReceipt, Transport } from '../transport/transport.ts'
import { OutboxWorld } from './testing/outbox-world.ts'
import { PigeonPost } from './testing/pigeon-post.ts'

let world: OutboxWorld
afterEach(() => world.end())

const TIMEOUT_MS = 1_000

/** A provider whose calls heed no signal: each ends when its test says so. */
function deafProvider(reconciler: Partial<Pick<Transport, 'reconciler'>> = {}) {
  const calls: { readonly messageId: string; readonly answer: (receipt: SendReceipt) => void; readonly fail: (error: Error) => void }[] = []
  const state = { deaf: true }
  const transport: Transport = {
    id: 'pigeon',
    channel: 'pigeon',
    account: 'loft',
    ...reconciler,
    send: ({ messageId }) => {
      if (!state.deaf) return Promise.resolve({ providerMessageId: `p-${messageId}` })
      return new Promise((answer, fail) => calls.push({ messageId, answer, fail }))
    },
  }
  world = new OutboxWorld([transport])
  return { calls, state, transport }
}

const neverSent = { reconciler: { reconcile: async () => 'not-sent' as const } }

it('a call that heeds no signal is given up, its message is uncertain, and the others of the lane are sent', async () => {
  const { calls, state } = deafProvider()
  const outbox = world.start({ attemptTimeoutMs: TIMEOUT_MS, concurrency: 4 })
  for (let index = 10; index < 30; index += 1) await world.request({ to: `+336399800${index}` })
  await world.time.pass(500)
  expect(calls).toHaveLength(4)
  state.deaf = false
  await world.time.pass(60_000)
  expect(outbox.state().lanes.pigeon).toMatchObject({ ready: 0, inFlight: 0, abandoned: 4 })
  const types = (await world.log()).map(({ type }) => type)
  expect(types.filter((type) => type === 'message.uncertain')).toHaveLength(4)
  expect(types.filter((type) => type === 'message.sent')).toHaveLength(16)
})

it('no more calls than four times the concurrency are open at a provider that never answers', async () => {
  const { calls, state } = deafProvider()
  const outbox = world.start({ attemptTimeoutMs: TIMEOUT_MS, concurrency: 2 })
  for (let index = 10; index < 50; index += 1) await world.request({ to: `+336399800${index}` })
  await world.time.pass(6 * 3_600_000)
  expect(calls).toHaveLength(8)
  expect(outbox.state().lanes.pigeon).toMatchObject({ abandoned: 8, inFlight: 0, ready: 32 })
  state.deaf = false
  for (const { fail } of calls) fail(new Error('at last'))
  await world.time.pass(600_000)
  expect(outbox.state().lanes.pigeon).toMatchObject({ abandoned: 0, ready: 0 })
})

it('a receipt that comes after its call was given up is recorded', async () => {
  const { calls } = deafProvider()
  world.start({ attemptTimeoutMs: TIMEOUT_MS })
  const { messageId } = await world.request()
  await world.time.pass(10_000)
  expect(await world.statusOf(messageId)).toBe('uncertain')
  calls[0]?.answer({ providerMessageId: 'late-1' })
  await world.time.pass(1_000)
  expect(await world.statusOf(messageId)).toBe('sent')
})

it('a message is not sent again while its call has not ended, whatever the provider says', async () => {
  const { calls } = deafProvider(neverSent)
  world.start({ attemptTimeoutMs: TIMEOUT_MS })
  await world.request()
  await world.time.pass(3_600_000)
  expect(calls).toHaveLength(1)
  calls[0]?.fail(new Error('at last'))
  await world.time.pass(600_000)
  expect(calls).toHaveLength(2)
})

it('a reconciler that never answers holds no message up for longer than an attempt may take', async () => {
  const pigeon = new PigeonPost()
  let asked = 0
  const reconcile = () => {
    asked += 1
    return new Promise<never>(() => undefined)
  }
  world = new OutboxWorld([{ ...pigeon.transport, reconciler: { reconcile } }])
  pigeon.answers = ['hang-after-taking']
  world.start({ attemptTimeoutMs: TIMEOUT_MS, reportUncertainAfterMs: 60_000 })
  const { messageId } = await world.request()
  await world.time.pass(120_000)
  expect(asked).toBeGreaterThan(2)
  expect(world.problems).toMatchObject([{ kind: 'uncertain', messageId }])
})

it('a send that throws outside its promise is an unknown outcome', async () => {
  const send = () => {
    throw new Error('not even a promise')
  }
  world = new OutboxWorld([{ id: 'pigeon', channel: 'pigeon', account: 'loft', send }])
  world.start()
  const { messageId } = await world.request()
  await world.time.pass(1_000)
  expect(await world.statusOf(messageId)).toBe('uncertain')
})

it('a call that goes on after its instance was stopped is not called uncertain before its time is over', async () => {
  const { calls } = deafProvider(neverSent)
  const first = world.start({ attemptTimeoutMs: 60_000 })
  const { messageId } = await world.request()
  await world.time.pass(1_000)
  void first.stop({ abort: true })
  world.start({ attemptTimeoutMs: 60_000 })
  await world.time.pass(50_000)
  expect(await world.typesOf(messageId)).toEqual(['requested', 'attempted'])
  expect(calls).toHaveLength(1)
})

it.each([
  ['at the latest when the time of the call is over', false, TIMEOUT_MS + 2_000],
  ['in a second when it breaks off what is under way', true, 1_000],
])('stopping ends %s, although a call never ends', async (_, abort, withinMs) => {
  const { calls } = deafProvider(neverSent)
  const outbox = world.start({ attemptTimeoutMs: TIMEOUT_MS })
  await world.request()
  await world.time.pass(100)
  expect(calls).toHaveLength(1)
  let ended = false
  void outbox.stop({ abort }).then(() => (ended = true))
  await world.time.pass(withinMs)
  expect(ended).toBe(true)
})
