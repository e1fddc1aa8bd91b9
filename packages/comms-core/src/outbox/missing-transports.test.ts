import { afterEach, beforeEach, expect, it } from 'vitest'
import { memoryCheckpointStore } from '../consumers/memory-checkpoint-store.ts'
import { parseContactAddress } from '../events/contact-address.ts'
import type { EventFact } from '../events/message-event.ts'
import { reportMessage } from './message-report.ts'
import { OutboxWorld } from './testing/outbox-world.ts'
import { PigeonPost } from './testing/pigeon-post.ts'

const TO = '+33639980001'
const HOUR_MS = 3_600_000

let pigeon: PigeonPost
let raven: PigeonPost
let world: OutboxWorld
beforeEach(() => {
  pigeon = new PigeonPost()
  raven = new PigeonPost({ id: 'raven', channel: 'raven' })
  world = new OutboxWorld([pigeon.transport, raven.transport])
})
afterEach(() => world.end())

const withoutPigeon = (over: object = {}) => world.start({ transports: [raven.transport], ...over })
const inOneHour = () => new Date(world.time.clock.now() + HOUR_MS)

it('a message whose transport is gone is said once and shown in the state, and expires', async () => {
  const { messageId } = await world.request({ expiresAt: inOneHour() })
  await world.request({ to: '+33639980002', expiresAt: inOneHour() })
  const outbox = withoutPigeon()
  await world.time.pass(60_000)
  expect(outbox.state()).toMatchObject({ unsettled: 2, missingTransports: { pigeon: 2 } })
  expect(world.problems).toEqual([
    { kind: 'no-transport', messageId, transport: 'pigeon', reason: expect.stringMatching(/"pigeon".*configure/) },
  ])
  await world.time.pass(HOUR_MS)
  expect(await reportMessage(world.store, messageId)).toMatchObject({ status: 'failed', failure: { code: 'expired' } })
  expect(outbox.state()).toMatchObject({ unsettled: 0, missingTransports: {} })
})

it('a message whose transport is gone fails after a day without a time of its own, and pins no checkpoint', async () => {
  const checkpoints = memoryCheckpointStore()
  const { messageId } = await world.request()
  withoutPigeon({ checkpoints })
  await world.time.pass(25 * HOUR_MS)
  await world.request({ channel: 'raven' })
  await world.time.pass(2 * HOUR_MS)
  expect(await world.statusOf(messageId)).toBe('failed')
  expect(await checkpoints.load('outbox')).toBe((await world.log()).at(-1)?.position)
})

it('a message whose transport is gone ends when its contact opts out', async () => {
  const { messageId } = await world.request({ expiresAt: inOneHour() })
  withoutPigeon()
  await world.time.pass(1_000)
  await world.record({
    type: 'contact.opted_out',
    idempotencyKey: 'out',
    channel: 'pigeon',
    provider: 'pigeon',
    contact: parseContactAddress(TO),
    occurredAt: new Date(world.time.clock.now()).toISOString(),
    data: { reason: 'keyword' },
  } as EventFact)
  await world.time.pass(1_000)
  expect(await reportMessage(world.store, messageId)).toMatchObject({ status: 'failed', failure: { code: 'opted_out' } })
})

it('a message whose transport is gone takes its fallback when it has expired', async () => {
  const { messageId } = await world.request({ fallback: [{ channel: 'raven', to: TO }] })
  withoutPigeon()
  await world.time.pass(25 * HOUR_MS)
  expect(raven.taken).toEqual([`${messageId}.next`])
})

it('an attempt whose transport is gone is called uncertain, never a failure', async () => {
  pigeon.answers = ['hang-after-taking']
  const first = world.start({ attemptTimeoutMs: 5_000 })
  const { messageId } = await world.request()
  await world.time.pass(1_000)
  void first.stop({ abort: true })
  await world.time.pass(1_000)
  withoutPigeon({ reportUncertainAfterMs: HOUR_MS })
  await world.time.pass(2 * HOUR_MS)
  expect(await world.statusOf(messageId)).toBe('uncertain')
  expect(world.problems).toMatchObject([{ kind: 'uncertain', messageId }])
})

it('a message whose transport is gone holds no other message of its contact up', async () => {
  const other = new PigeonPost({ id: 'second-pigeon' })
  const transports = [pigeon.transport, other.transport]
  await world.request({ transport: 'pigeon' }, transports)
  const { messageId } = await world.request({ transport: 'second-pigeon' }, transports)
  world.start({ transports: [other.transport] })
  await world.time.pass(1_000)
  expect(other.taken).toEqual([messageId])
})
