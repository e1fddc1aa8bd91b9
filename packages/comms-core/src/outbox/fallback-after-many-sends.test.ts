import { afterEach, expect, it } from 'vitest'
import { memoryCheckpointStore } from '../consumers/memory-checkpoint-store.ts'
import type { EventStore } from '../store/event-store.ts'
import type { SendRequest } from './send.ts'
import { OutboxWorld } from './testing/outbox-world.ts'
import { PigeonPost } from './testing/pigeon-post.ts'

/** More than any bounded memory of the outbox holds. */
const MANY = 10_200
const HOUR_MS = 3_600_000
const TO = '+33639980001'
const PRIVACY_ID = '100000000000001@lid'

let world: OutboxWorld
afterEach(() => world.end())

function posts() {
  const pigeon = new PigeonPost()
  const raven = new PigeonPost({ id: 'raven', channel: 'raven' })
  world = new OutboxWorld([pigeon.transport, raven.transport])
  return { pigeon, raven }
}

function requestWithFallback(over: Partial<SendRequest> = {}) {
  return world.request({ to: TO, fallback: [{ channel: 'raven', to: TO, afterMs: HOUR_MS }], ...over })
}

async function sendMany(count = MANY): Promise<void> {
  for (let start = 0; start < count; start += 600) {
    const numbers = Array.from({ length: Math.min(600, count - start) }, (_, index) => `+3364${String(1_000_000 + start + index)}`)
    await Promise.all(numbers.map((to) => world.request({ to })))
    await world.time.pass(200)
  }
}

/** Callbacks about messages that are not ours, such as those that another system sends over the same account. */
async function callbacksAboutOthers(): Promise<void> {
  for (let index = 0; index < MANY; index += 1) await world.callback('message.delivered', `foreign-${index}`, '+33639980002')
}

it.each(['message.delivered', 'message.read'] as const)(
  'a message is not sent again over its fallback when %s comes after 10,200 other sends',
  async (type) => {
    const { raven } = posts()
    world.start()
    const { messageId } = await requestWithFallback()
    await world.time.pass(100)
    await sendMany()
    await world.callback(type, messageId, TO)
    await world.time.pass(2 * HOUR_MS)
    expect(raven.taken).toEqual([])
  },
  60_000,
)

it('a message is not sent again over its fallback when its delivery comes under a privacy id after 10,200 other sends', async () => {
  const { raven } = posts()
  world.start()
  const { messageId } = await requestWithFallback()
  await world.time.pass(100)
  await sendMany()
  await world.callback('message.delivered', messageId, PRIVACY_ID)
  await world.time.pass(2 * HOUR_MS)
  expect(raven.taken).toEqual([])
}, 60_000)

it('a message is sent over its fallback when its failure comes under a privacy id after 10,200 other sends', async () => {
  const { raven } = posts()
  world.start()
  const { messageId } = await requestWithFallback({ fallback: [{ channel: 'raven', to: TO }] })
  await world.time.pass(100)
  await sendMany()
  await world.callback('message.failed', messageId, PRIVACY_ID)
  await world.time.pass(1_000)
  expect(raven.taken).toEqual([`${messageId}.next`])
}, 60_000)

it('a delivery that came before the provider answered is remembered through 10,200 callbacks about other messages', async () => {
  const { pigeon, raven } = posts()
  pigeon.answers = ['hang-after-taking']
  world.start({ attemptTimeoutMs: 5_000 })
  const { messageId } = await requestWithFallback()
  await world.time.pass(100)
  await world.callback('message.delivered', messageId, PRIVACY_ID)
  await callbacksAboutOthers()
  await world.time.pass(3 * HOUR_MS)
  expect(await world.typesOf(messageId)).toContain('sent')
  expect(raven.taken).toEqual([])
}, 60_000)

it('a failure that came before the provider answered is remembered through 10,200 callbacks about other messages', async () => {
  const { pigeon, raven } = posts()
  pigeon.answers = ['hang-after-taking']
  world.start({ attemptTimeoutMs: 5_000 })
  const { messageId } = await requestWithFallback({ fallback: [{ channel: 'raven', to: TO }] })
  await world.time.pass(100)
  await world.callback('message.failed', messageId, PRIVACY_ID)
  await callbacksAboutOthers()
  await world.time.pass(60_000)
  expect(raven.taken).toEqual([`${messageId}.next`])
}, 60_000)

it('a message that failed and was delivered later is not sent over its fallback when the log holds both at the start', async () => {
  const { raven } = posts()
  const first = world.start()
  const { messageId } = await requestWithFallback()
  await world.time.pass(100)
  await first.stop()
  await sendMany(600)
  await world.callback('message.failed', messageId, TO)
  await world.callback('message.delivered', messageId, PRIVACY_ID)
  world.start()
  await world.time.pass(2 * HOUR_MS)
  expect(raven.taken).toEqual([])
})

it('a message is not sent again over its fallback when its delivery comes after 10,200 other sends and a restart', async () => {
  const { raven } = posts()
  const checkpoints = memoryCheckpointStore()
  const first = world.start({ checkpoints })
  const { messageId } = await requestWithFallback()
  await world.time.pass(100)
  await sendMany()
  await first.stop()
  world.start({ checkpoints })
  await world.time.pass(10_000)
  await world.callback('message.delivered', messageId, PRIVACY_ID)
  await world.time.pass(2 * HOUR_MS)
  expect(raven.taken).toEqual([])
}, 60_000)

it('a message is not sent again over its fallback by any of two instances after 10,200 other sends', async () => {
  const { raven } = posts()
  world.start()
  world.start()
  const { messageId } = await requestWithFallback()
  await world.time.pass(100)
  await sendMany()
  await world.callback('message.delivered', messageId, PRIVACY_ID)
  await world.time.pass(2 * HOUR_MS)
  expect(raven.taken).toEqual([])
}, 60_000)

it.each([TO, PRIVACY_ID])('a delivery to %s that another process recorded a moment ago is seen before the fallback', async (address) => {
  const { raven } = posts()
  const { messageId } = await requestWithFallback()
  // Nothing wakes this instance, and it polls once a day: only looking at the log itself shows the delivery.
  world.start({ pollMs: 86_400_000 }).heard = () => undefined
  await world.time.pass(HOUR_MS - 1_000)
  await world.callback('message.delivered', messageId, address)
  await world.time.pass(HOUR_MS)
  expect([raven.taken, await world.typesOf(`${messageId}.next`)]).toEqual([[], []])
})

it('a fallback waits while the log cannot be read', async () => {
  const { raven } = posts()
  let away = false
  const flaky: EventStore = {
    ...world.store,
    readAll: (options) => {
      if (away) throw Object.assign(new Error('away'), { name: 'CommsError', code: 'store_unavailable' })
      return world.store.readAll(options)
    },
  }
  world.start({ store: flaky })
  const { messageId } = await requestWithFallback()
  await world.time.pass(1_000)
  away = true
  await world.callback('message.delivered', messageId, PRIVACY_ID)
  await world.time.pass(2 * HOUR_MS)
  away = false
  await world.time.pass(HOUR_MS)
  expect(raven.taken).toEqual([])
})
