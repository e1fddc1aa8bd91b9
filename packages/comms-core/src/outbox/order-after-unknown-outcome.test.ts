import { afterEach, expect, it } from 'vitest'
import { CommsError } from '../errors.ts'
import type { EventStore } from '../store/event-store.ts'
import { OutboxWorld } from './testing/outbox-world.ts'
import { PigeonPost } from './testing/pigeon-post.ts'

let world: OutboxWorld
afterEach(() => world.end())

const TIMEOUT_MS = 5_000

function send(pigeon: PigeonPost, count = 3) {
  world = new OutboxWorld([pigeon.transport])
  return async () => {
    const sent: string[] = []
    for (let index = 0; index < count; index += 1) sent.push((await world.request({ content: { text: `${index}` } })).messageId)
    return sent
  }
}

it.each(['lose-before-taking', 'hang-after-taking'] as const)(
  'messages of a contact keep their order when the outcome of the first is unknown and then known: %s',
  async (answer) => {
    const pigeon = new PigeonPost()
    const request = send(pigeon)
    pigeon.answers = [answer]
    world.start({ attemptTimeoutMs: TIMEOUT_MS })
    const sent = await request()
    await world.time.pass(30_000)
    expect(pigeon.taken).toEqual(sent)
  },
)

it('messages of a contact keep their order when an instance dies in the middle of the first', async () => {
  const pigeon = new PigeonPost()
  const request = send(pigeon)
  pigeon.answers = ['lose-before-taking']
  const append: EventStore['append'] = async (requests) => {
    if (!requests.some(({ events }) => events.some(({ type }) => type === 'message.uncertain'))) return world.store.append(requests)
    throw new CommsError('store_unavailable', 'this instance is dead')
  }
  const dying = world.start({ attemptTimeoutMs: TIMEOUT_MS, store: { ...world.store, append } })
  const sent = await request()
  await world.time.pass(100)
  void dying.stop({ abort: true })
  world.start({ attemptTimeoutMs: TIMEOUT_MS })
  await world.time.pass(60_000)
  expect(pigeon.taken).toEqual(sent)
})

it.each([
  [undefined, 60_000],
  [10_000, 10_000],
])(
  'later messages of a contact go on after holdUncertainMs %s, when the provider cannot say what became of the first',
  async (holdUncertainMs, ms) => {
    const pigeon = new PigeonPost()
    const request = send(pigeon)
    pigeon.answers = ['hang-after-taking']
    pigeon.reachable = false
    world.start({ attemptTimeoutMs: TIMEOUT_MS, ...(holdUncertainMs ? { holdUncertainMs } : {}) })
    const [first, ...later] = await request()
    await world.time.pass(TIMEOUT_MS + ms - 2_000)
    expect(pigeon.taken).toEqual([first])
    await world.time.pass(4_000)
    expect(pigeon.taken).toEqual([first, ...later])
  },
)

it('later messages of a contact do not wait when there is no way to ask the provider', async () => {
  const pigeon = new PigeonPost({ reconciles: false })
  const request = send(pigeon)
  pigeon.answers = ['hang-after-taking']
  world.start({ attemptTimeoutMs: TIMEOUT_MS })
  const sent = await request()
  await world.time.pass(TIMEOUT_MS + 1_000)
  expect(pigeon.taken).toEqual(sent)
})

it('messages of other contacts do not wait behind an unknown outcome', async () => {
  const pigeon = new PigeonPost()
  const request = send(pigeon, 1)
  pigeon.answers = ['hang-after-taking']
  pigeon.reachable = false
  world.start({ attemptTimeoutMs: TIMEOUT_MS })
  await request()
  await world.time.pass(TIMEOUT_MS + 1_000)
  const { messageId } = await world.request({ to: '+33639980002' })
  await world.time.pass(1_000)
  expect(pigeon.taken).toContain(messageId)
})
