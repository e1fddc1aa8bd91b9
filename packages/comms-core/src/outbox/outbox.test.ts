import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryCheckpointStore } from '../consumers/memory-checkpoint-store.ts'
import { parseContactAddress } from '../events/contact-address.ts'
import type { EventFact } from '../events/message-event.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import { type Sleep, timerSleep } from '../pause.ts'
import { type Clock, silentLogger, systemClock, uuidSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import type { SendReceipt, Transport } from '../transport/transport.ts'
import { ConsentReader } from './contact-consent.ts'
import { LogGrowth } from './log-growth.ts'
import { reportMessage } from './message-report.ts'
import { Outbox } from './outbox.ts'
import { OutboxMemory } from './outbox-memory.ts'
import type { OutboxProblem, OutboxSettings } from './outbox-options.ts'
import { recordRequest, type SendRequest } from './send.ts'
import { PigeonPost } from './testing/pigeon-post.ts'
import { VirtualTime } from './testing/virtual-time.ts'

let time: VirtualTime
let store: EventStore
let growth: LogGrowth
let pigeon: PigeonPost
let transports: Transport[]
let problems: OutboxProblem[]
let running: Outbox[]

beforeEach(() => {
  time = new VirtualTime()
  growth = new LogGrowth()
  store = growth.watch(memoryEventStore({ clock: time.clock }))
  pigeon = new PigeonPost()
  transports = [pigeon.transport]
  problems = []
  running = []
})
afterEach(async () => {
  for (const outbox of running) {
    const stopped = outbox.stop({ abort: true })
    await time.pass(60_000)
    await stopped
  }
})

const runtime = () => ({ clock: time.clock, ids: uuidSource, logger: silentLogger })

function start(settings: OutboxSettings & { store?: EventStore; clock?: Clock } = {}): Outbox {
  const outbox = new Outbox({
    store,
    transports,
    ...runtime(),
    sleep: time.sleep,
    random: () => 0,
    onProblem: (problem) => problems.push(problem),
    // They wake each other; a poll each second would only make hours long.
    pollMs: 3_600_000,
    ...settings,
  })
  growth.onGrown((recorded) => outbox.heard(recorded))
  outbox.start()
  running.push(outbox)
  return outbox
}

async function request(over: Partial<SendRequest> = {}): Promise<string> {
  const context = { store, transports, ...runtime() }
  const given = { channel: 'pigeon', to: '+33639980001', content: { text: 'coo' }, ...over }
  return (await recordRequest(given, context)).messageId as string
}

async function record(fact: EventFact): Promise<void> {
  const event = createEvent(fact, runtime())
  await store.append([{ streamId: streamIdOf(event), events: [event] }])
}

/** What the provider tells of a message, under its own name of it. */
function callback(type: 'message.delivered' | 'message.read', messageId: string): EventFact {
  return {
    type,
    idempotencyKey: `callback:${type}:${messageId}`,
    channel: 'pigeon',
    provider: 'pigeon',
    direction: 'outbound',
    contact: parseContactAddress('+33639980001'),
    messageId: `pigeon:p-${messageId}`,
    providerMessageId: `p-${messageId}`,
    data: {},
  }
}

async function log(): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const event of store.readAll()) events.push(event)
  return events
}
const told = async () => (await log()).map(({ type }) => type.split('.')[1])
const statusOf = async (messageId: string) => (await reportMessage(store, messageId))?.status

describe('a message', () => {
  it('is claimed, sent, and forgotten', async () => {
    const outbox = start()
    const messageId = await request()
    await time.pass(10)
    expect(await told()).toEqual(['requested', 'attempted', 'sent'])
    expect(await reportMessage(store, messageId)).toMatchObject({ status: 'sent', providerMessageId: `p-${messageId}` })
    expect(pigeon.taken).toEqual([messageId])
    expect(outbox.state()).toMatchObject({ unsettled: 0, lanes: { pigeon: { ready: 0, inFlight: 0, paused: false } } })
  })

  it('that was requested before the start is sent after it', async () => {
    const messageId = await request()
    start()
    await time.pass(10)
    expect(pigeon.taken).toEqual([messageId])
  })

  it('waits for its time', async () => {
    start()
    await request({ notBefore: new Date(time.clock.now() + 3_600_000) })
    await time.pass(3_599_000)
    expect(pigeon.taken).toEqual([])
    await time.pass(2_000)
    expect(pigeon.taken).toHaveLength(1)
  })

  it('that cannot be sent in time fails', async () => {
    start()
    pigeon.answers = Array(50).fill('unavailable')
    const messageId = await request({ expiresAt: new Date(time.clock.now() + 60_000) })
    await time.pass(61_000)
    expect(await reportMessage(store, messageId)).toMatchObject({ status: 'failed', failure: { code: 'expired', class: 'policy' } })
    expect(problems).toMatchObject([{ kind: 'failed', messageId }])
  })

  it('that the provider refuses fails for good, with whose fault it is', async () => {
    start()
    pigeon.answers = ['reject']
    const messageId = await request()
    await time.pass(3_600_000)
    expect(await reportMessage(store, messageId)).toMatchObject({
      status: 'failed',
      failure: { code: 'send_rejected', class: 'recipient', providerCode: '404' },
    })
    expect(await told()).toEqual(['requested', 'attempted', 'failed'])
  })

  it('that certainly was not sent is tried again, as late as the provider says', async () => {
    start()
    pigeon.answers = ['busy', 'unavailable']
    await request()
    await time.pass(29_000)
    expect(await told()).toEqual(['requested', 'attempted', 'deferred'])
    await time.pass(2_000)
    expect(await told()).toEqual(['requested', 'attempted', 'deferred', 'attempted', 'deferred'])
    await time.pass(5_000)
    expect((await told()).slice(-2)).toEqual(['attempted', 'sent'])
  })

  it('waits while its transport is misconfigured, and the operator is told', async () => {
    start()
    pigeon.answers = ['misconfigured']
    const messageId = await request()
    await time.pass(1_000)
    expect(problems).toMatchObject([{ kind: 'misconfigured', messageId, reason: 'no ring' }])
    await time.pass(10_000)
    expect(pigeon.taken).toEqual([messageId])
  })
})

describe('an unknown outcome', () => {
  it('is called uncertain and settled by asking the provider: it was taken', async () => {
    start({ attemptTimeoutMs: 5_000 })
    pigeon.answers = ['hang-after-taking']
    const messageId = await request()
    await time.pass(5_100)
    expect(await statusOf(messageId)).toBe('uncertain')
    await time.pass(3_000)
    expect(await told()).toEqual(['requested', 'attempted', 'uncertain', 'sent'])
    expect(pigeon.taken).toEqual([messageId])
  })

  it('is settled by asking the provider: it was not taken, and is sent once', async () => {
    start({ attemptTimeoutMs: 5_000 })
    pigeon.answers = ['lose-before-taking']
    const messageId = await request()
    await time.pass(10_000)
    expect(await told()).toEqual(['requested', 'attempted', 'uncertain', 'deferred', 'attempted', 'sent'])
    expect(pigeon.taken).toEqual([messageId])
  })

  it('is reported, and never sent again, when nobody can tell', async () => {
    pigeon = new PigeonPost({ reconciles: false })
    transports = [pigeon.transport]
    start({ attemptTimeoutMs: 5_000, reportUncertainAfterMs: 600_000 })
    pigeon.answers = ['hang-after-taking']
    const messageId = await request()
    await time.pass(3_600_000)
    expect(problems).toMatchObject([{ kind: 'uncertain', messageId }])
    expect([pigeon.taken, await statusOf(messageId)]).toEqual([[messageId], 'uncertain'])
  })

  it('is sent once more when the caller asked for it', async () => {
    pigeon = new PigeonPost({ reconciles: false })
    transports = [pigeon.transport]
    start({ attemptTimeoutMs: 5_000, resendUncertainAfterMs: 60_000 })
    pigeon.answers = ['lose-before-taking']
    const messageId = await request({ onUncertain: 'resend' })
    await time.pass(60_000)
    expect(pigeon.taken).toEqual([])
    await time.pass(60_000)
    expect([pigeon.taken, await statusOf(messageId)]).toEqual([[messageId], 'sent'])
  })

  it('of a provider that cannot be asked stays unknown until it can', async () => {
    start({ attemptTimeoutMs: 5_000 })
    pigeon.answers = ['hang-after-taking']
    pigeon.reachable = false
    const messageId = await request()
    await time.pass(600_000)
    expect(await statusOf(messageId)).toBe('uncertain')
    pigeon.reachable = true
    await time.pass(600_000)
    expect([pigeon.taken, await statusOf(messageId)]).toEqual([[messageId], 'sent'])
  })

  it('is settled by an echo of the message', async () => {
    pigeon = new PigeonPost({ reconciles: false })
    transports = [pigeon.transport]
    start({ attemptTimeoutMs: 5_000 })
    pigeon.answers = ['hang-after-taking']
    const messageId = await request()
    await time.pass(2_000)
    const echo = { ...callback('message.read', messageId), type: 'message.sent', data: { origin: 'api', content: { text: 'coo' } } }
    await record({ ...echo, idempotencyKey: 'echo' } as EventFact)
    await time.pass(10_000)
    expect(await reportMessage(store, messageId)).toMatchObject({ status: 'sent', providerMessageId: `p-${messageId}` })
    expect(pigeon.taken).toEqual([messageId])
  })

  it('is settled by a callback that carries our id', async () => {
    pigeon = new PigeonPost({ reconciles: false })
    transports = [pigeon.transport]
    const outbox = start({ attemptTimeoutMs: 5_000 })
    pigeon.answers = ['hang-after-taking']
    const messageId = await request()
    await time.pass(6_000)
    await record({ ...callback('message.delivered', messageId), messageId })
    await time.pass(1_000)
    expect([await statusOf(messageId), outbox.state().unsettled]).toEqual(['delivered', 0])
  })

  it('is what a crash leaves: settled by the next start, without a second sending', async () => {
    const crashed = start({ attemptTimeoutMs: 5_000, store: failingAfter(store, ['message.sent']) })
    const messageId = await request()
    await time.pass(100)
    expect(pigeon.taken).toEqual([messageId])
    void crashed.stop({ abort: true })
    running = []
    await time.pass(100)
    start({ attemptTimeoutMs: 5_000 })
    await time.pass(20_000)
    expect(await told()).toEqual(['requested', 'attempted', 'uncertain', 'sent'])
    expect(pigeon.taken).toEqual([messageId])
  })
})

describe('order and measure', () => {
  it('keeps the order of each contact, whatever goes wrong', async () => {
    start()
    pigeon.answers = ['unavailable', 'busy', 'take', 'unavailable']
    const sent: string[] = []
    for (let index = 0; index < 5; index += 1) sent.push(await request({ content: { text: `${index}` } }))
    await time.pass(600_000)
    expect(pigeon.taken).toEqual(sent)
    expect(pigeon.mostInFlight).toBe(1)
  })

  it('does not let one contact with many messages hold up another', async () => {
    pigeon = new PigeonPost({ pause: () => time.sleep(1_000, new AbortController().signal) })
    transports = [pigeon.transport]
    start({ concurrency: 2 })
    for (let index = 0; index < 20; index += 1) await request({ content: { text: `${index}` } })
    const other = await request({ to: '+33639980002' })
    await time.pass(2_500)
    expect(pigeon.taken).toContain(other)
    expect(pigeon.mostInFlight).toBe(2)
  })

  it('never goes over a limit of the provider, a restart and another instance included', async () => {
    pigeon = new PigeonPost({ sendLimits: [{ messages: 3, perMs: 3_600_000 }] })
    transports = [pigeon.transport]
    const checkpoints = memoryCheckpointStore()
    const first = start({ checkpoints })
    for (let index = 0; index < 10; index += 1) await request({ to: `+3363998000${index}` })
    await time.pass(600_000)
    expect(pigeon.taken).toHaveLength(3)
    expect(first.state().lanes.pigeon).toEqual({
      ready: 7,
      inFlight: 0,
      abandoned: 0,
      paused: false,
      heldUntil: expect.stringMatching(/^2026-01-06T11:00:00/),
    })
    await first.stop()
    start({ checkpoints })
    start()
    await time.pass(2_990_000)
    expect(pigeon.taken).toHaveLength(3)
    await time.pass(20_000)
    expect(pigeon.taken).toHaveLength(6)
    await time.pass(7_200_000)
    expect(pigeon.taken).toHaveLength(10)
  })

  it('leaves a provider that is down alone, and comes back by itself', async () => {
    const outbox = start({ firstRetryMs: 1_000, maxRetryMs: 1_000, concurrency: 2 })
    pigeon.answers = Array(8).fill('unavailable')
    for (let index = 0; index < 10; index += 1) await request({ to: `+3363998000${index}` })
    await time.pass(4_000)
    expect(outbox.state().lanes.pigeon?.paused).toBe(true)
    const attempts = (await told()).filter((type) => type === 'attempted').length
    expect(attempts).toBeLessThan(10)
    await time.pass(600_000)
    expect(pigeon.taken).toHaveLength(10)
    expect(outbox.state().lanes.pigeon?.paused).toBe(false)
  })

  it('shares the work of one log between instances without doubling', async () => {
    start()
    start()
    start()
    const sent = await Promise.all(Array.from({ length: 30 }, (_, index) => request({ to: `+336399800${10 + index}` })))
    await time.pass(10_000)
    expect([...pigeon.taken].sort()).toEqual([...sent].sort())
  })
})

describe('other ways', () => {
  const second = new PigeonPost({ id: 'raven', channel: 'raven' })
  beforeEach(() => {
    second.taken.length = 0
    second.answers = []
    transports = [pigeon.transport, second.transport]
  })
  const fallback = [{ channel: 'raven', to: '+33639980001' }]

  it('are taken when the message failed, once', async () => {
    start()
    start()
    pigeon.answers = ['reject']
    const messageId = await request({ fallback })
    await time.pass(10_000)
    expect([pigeon.taken, second.taken]).toEqual([[], [`${messageId}.next`]])
    expect(await log()).toContainEqual(expect.objectContaining({ messageId: `${messageId}.next`, channel: 'raven' }))
  })

  it('are taken when a callback tells of the failure after it was sent', async () => {
    start()
    const messageId = await request({ fallback })
    await time.pass(1_000)
    const failed = {
      ...callback('message.read', messageId),
      type: 'message.failed',
      data: { error: { code: 'noAccount', class: 'recipient' } },
    }
    await record({ ...failed, idempotencyKey: 'noAccount' } as EventFact)
    await time.pass(1_000)
    expect(second.taken).toEqual([`${messageId}.next`])
  })

  it('are taken when the message is not delivered in time, and not when it is', async () => {
    start()
    const late = await request({ fallback: [{ ...fallback[0], afterMs: 60_000 } as never] })
    const inTime = await request({ to: '+33639980002', fallback: [{ ...fallback[0], afterMs: 60_000 } as never] })
    await time.pass(30_000)
    await record({ ...callback('message.delivered', inTime), contact: parseContactAddress('+33639980002') })
    await time.pass(60_000)
    expect(second.taken).toEqual([`${late}.next`])
  })

  it('are never taken while the outcome is unknown', async () => {
    pigeon = new PigeonPost({ reconciles: false })
    transports = [pigeon.transport, second.transport]
    start({ attemptTimeoutMs: 5_000 })
    pigeon.answers = ['hang-after-taking']
    await request({ fallback: [{ ...fallback[0], afterMs: 1_000 } as never] })
    await time.pass(3_600_000)
    expect(second.taken).toEqual([])
  })
})

describe('consent on the way', () => {
  const raven = new PigeonPost({ id: 'raven', channel: 'raven' })
  const owl = new PigeonPost({ id: 'owl', channel: 'owl' })
  beforeEach(() => {
    raven.taken.length = 0
    owl.taken.length = 0
    transports = [pigeon.transport, raven.transport, owl.transport]
  })
  const to = '+33639980001'
  const fact = (type: string, key: string, at: number, channel = 'raven') =>
    ({
      type,
      idempotencyKey: key,
      channel,
      provider: channel,
      contact: parseContactAddress(to),
      occurredAt: new Date(at).toISOString(),
      data: { reason: 'keyword' },
    }) as EventFact

  it('is asked before a fallback: one that was opted out of is recorded as failed, and the next is taken', async () => {
    start()
    start()
    await record(fact('contact.opted_out', 'out', time.clock.now()))
    pigeon.answers = ['reject']
    const fallback = [
      { channel: 'raven', to },
      { channel: 'owl', to },
    ]
    const messageId = await request({ fallback })
    await time.pass(10_000)
    expect([raven.taken, owl.taken]).toEqual([[], [`${messageId}.next.next`]])
    expect(await reportMessage(store, `${messageId}.next`)).toMatchObject({
      channel: 'raven',
      status: 'failed',
      failure: { code: 'opted_out', class: 'policy' },
    })
    expect(await statusOf(`${messageId}.next.next`)).toBe('sent')
  })

  it('is what the contact said last, not what was recorded last', async () => {
    start()
    const now = time.clock.now()
    const waiting = { channel: 'raven', notBefore: new Date(now + 60_000) }
    const first = await request(waiting)
    await record(fact('contact.opted_in', 'in', now + 2_000))
    await record(fact('contact.opted_out', 'late', now + 1_000))
    const second = await request({ ...waiting, content: { text: 'second' } })
    await time.pass(120_000)
    expect(raven.taken).toEqual([first, second])
  })
})

describe('consent', () => {
  const optedOut = (key: string): EventFact => ({
    type: 'contact.opted_out',
    idempotencyKey: key,
    channel: 'pigeon',
    provider: 'pigeon',
    contact: parseContactAddress('+33639980001'),
    occurredAt: new Date(time.clock.now()).toISOString(),
    data: { reason: 'keyword', keyword: 'STOP' },
  })

  it('is asked before a request is recorded', async () => {
    await record(optedOut('a'))
    await expect(request()).rejects.toMatchObject({ code: 'send_rejected', failure: 'policy', message: /has opted out of pigeon/ })
    expect(await told()).toEqual(['opted_out'])
    await time.pass(1_000)
    await record({ ...optedOut('b'), type: 'contact.opted_in', data: { reason: 'keyword' } } as EventFact)
    await expect(request()).resolves.toMatch(/^msg_/)
  })

  it('that is taken back before the message was sent stops it', async () => {
    start()
    const messageId = await request({ notBefore: new Date(time.clock.now() + 60_000) })
    await time.pass(1_000)
    await record(optedOut('a'))
    await time.pass(120_000)
    expect(await reportMessage(store, messageId)).toMatchObject({ status: 'failed', failure: { code: 'opted_out' } })
    expect(pigeon.taken).toEqual([])
  })

  it('is lost when the provider says so', async () => {
    start()
    pigeon.answers = ['opted-out']
    await request()
    await time.pass(1_000)
    expect(await told()).toEqual(['requested', 'attempted', 'failed', 'opted_out'])
    await expect(request()).rejects.toMatchObject({ failure: 'policy' })
  })
})

describe('a request', () => {
  it('with the same key is one message, for ever', async () => {
    start()
    const first = await request({ idempotencyKey: 'order-7' })
    await time.pass(86_400_000)
    const again = await Promise.all([
      request({ idempotencyKey: 'order-7' }),
      request({ idempotencyKey: 'order-7', to: '+33 6 39 98 00 01', expiresAt: new Date(time.clock.now() + 60_000) }),
    ])
    await time.pass(10_000)
    expect([...new Set([first, ...again])]).toEqual([first])
    expect(pigeon.taken).toEqual([first])
  })

  it.each([
    ['an unknown channel', { channel: 'fax' }, { code: 'send_rejected', message: /No transport for fax; there is pigeon \(pigeon\)/ }],
    ['an address that is none', { to: 'nobody at all' }, { code: 'address_invalid' }],
    ['an unknown message to answer', { replyTo: 'x' }, { code: 'send_rejected', failure: 'content' }],
    ['a time that is none', { notBefore: 'soon' }, { code: 'event_invalid' }],
    ['a file nobody can open', { content: { media: [{ kind: 'image', ref: 'a' }] } }, { code: 'send_rejected' }],
    ['content that is none', { content: { text: 7 } }, { code: 'event_invalid' }],
  ])('with %s is refused, and nothing is recorded', async (_, over, error) => {
    await expect(request(over as never)).rejects.toMatchObject(error)
    expect(await log()).toEqual([])
  })

  it('that the transport can never carry is refused, on every way it may go', async () => {
    const strict = new PigeonPost({
      id: 'strict',
      channel: 'strict',
      check: ({ content }) => {
        if ((content.text ?? '').length > 3) throw Object.assign(new Error('too long'), { name: 'CommsError', code: 'send_rejected' })
      },
    })
    transports = [pigeon.transport, strict.transport]
    await expect(request({ channel: 'strict', content: { text: 'long' } })).rejects.toThrow('too long')
    await expect(request({ content: { text: 'long' }, fallback: [{ channel: 'strict', to: '+33639980001' }] })).rejects.toThrow('too long')
    expect(await log()).toEqual([])
  })

  it('that answers goes to the address that wrote', async () => {
    await record({
      type: 'message.received',
      idempotencyKey: 'in',
      channel: 'pigeon',
      provider: 'pigeon',
      direction: 'inbound',
      contact: { kind: 'phone', value: '+33639980001', raw: '33639980001@loft' },
      messageId: 'pigeon:in-1',
      providerMessageId: 'in-1',
      data: { text: 'coo?' },
    })
    const messageId = await request({ replyTo: 'pigeon:in-1' })
    expect((await log()).find((event) => event.messageId === messageId)).toMatchObject({
      contact: { value: '+33639980001', raw: '33639980001@loft' },
      data: { replyTo: 'pigeon:in-1', replyToProviderMessageId: 'in-1' },
    })
  })
})

it('sends nothing while the log cannot be written, and goes on when it can', async () => {
  let away = false
  const flaky: EventStore = {
    ...store,
    append: (requests) => {
      if (away) throw Object.assign(new Error('away'), { name: 'CommsError', code: 'store_unavailable' })
      return store.append(requests)
    },
  }
  start({ store: flaky })
  await time.pass(10)
  const messageId = await request()
  away = true
  await time.pass(60_000)
  expect(pigeon.taken).toEqual(pigeon.taken.slice(0, 1))
  away = false
  await time.pass(10_000)
  expect(pigeon.taken).toEqual([messageId])
})

it('makes the attempt whose claim was recorded and whose answer was lost', async () => {
  let lost = 0
  const lossy: EventStore = {
    ...store,
    append: async (requests) => {
      const results = await store.append(requests)
      if (requests[0]?.events[0]?.type !== 'message.attempted' || lost > 0) return results
      lost += 1
      throw Object.assign(new Error('away'), { name: 'CommsError', code: 'store_unavailable' })
    },
  }
  start({ store: lossy })
  const messageId = await request()
  await time.pass(5_000)
  expect(await told()).toEqual(['requested', 'attempted', 'sent'])
  expect(pigeon.taken).toEqual([messageId])
})

it('does not take an attempt for lost because its own clock is ahead', async () => {
  pigeon = new PigeonPost({ pause: () => time.sleep(4_000, new AbortController().signal) })
  transports = [pigeon.transport]
  start({ attemptTimeoutMs: 5_000 })
  const messageId = await request()
  await time.pass(1_000)
  start({ attemptTimeoutMs: 5_000, clock: time.clockAhead(() => 3_600_000) })
  await time.pass(10_000)
  expect(await told()).toEqual(['requested', 'attempted', 'sent'])
  expect(pigeon.taken).toEqual([messageId])
})

it('does not call a message expired that another instance has just begun to send', async () => {
  pigeon = new PigeonPost({ pause: () => time.sleep(4_000, new AbortController().signal) })
  transports = [pigeon.transport]
  const messageId = await request({ expiresAt: new Date(time.clock.now() + 60_000) })
  // It does not hear of the attempt, and its clock says that the time is over.
  const deaf: EventStore = {
    ...store,
    readAll: async function* (options) {
      for await (const event of store.readAll(options)) if (event.type === 'message.requested') yield event
    },
  }
  start({ attemptTimeoutMs: 5_000 })
  await time.pass(1_000)
  start({ attemptTimeoutMs: 5_000, store: deaf, clock: time.clockAhead(() => 3_600_000) })
  await time.pass(10_000)
  expect(await told()).not.toContain('failed')
  expect([pigeon.taken, await statusOf(messageId)]).toEqual([[messageId], 'sent'])
})

describe('two equal messages', () => {
  /** A provider that loses its answers, and finds messages by their words alone. */
  function forgetful(finds: (others: ReadonlySet<string>) => SendReceipt | 'not-sent' | 'unknown'): void {
    const { transport } = new PigeonPost()
    transports = [
      {
        ...transport,
        send: async (message, { signal }) => {
          if (message.content.text === 'known') return { providerMessageId: 'p-known' }
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          throw new Error('lost')
        },
        reconciler: { reconcile: async (_, { others = new Set() }) => finds(others) },
      },
    ]
  }
  const settledAs = (providerMessageId: string) => async () =>
    (await log())
      .filter((event) => event.type === 'message.sent' && event.providerMessageId === providerMessageId)
      .map((event) => event.messageId)

  it('are not told apart while nobody knows of either: what is found is neither', async () => {
    forgetful(() => ({ providerMessageId: 'p-1' }))
    start({ attemptTimeoutMs: 5_000, reportUncertainAfterMs: 600_000, holdUncertainMs: 0 })
    start({ attemptTimeoutMs: 5_000, reportUncertainAfterMs: 600_000, holdUncertainMs: 0 })
    const both = [await request(), await request()]
    await time.pass(1_200_000)
    expect(await Promise.all(both.map(statusOf))).toEqual(['uncertain', 'uncertain'])
    expect(problems.map(({ kind }) => kind)).toContain('uncertain')
  })

  it('are told apart when the log knows of one: what is found is the other, or is not found', async () => {
    forgetful((others) => (others.has('p-1') ? 'not-sent' : { providerMessageId: 'p-1' }))
    start({ attemptTimeoutMs: 5_000, reportUncertainAfterMs: 60_000 })
    const first = await request()
    await time.pass(10_000)
    const second = await request()
    await time.pass(7_000)
    expect(await settledAs('p-1')()).toEqual([first])
    await time.pass(3_000)
    expect((await told()).slice(-2)).toEqual(['deferred', 'attempted'])
    expect(await statusOf(second)).toBe('uncertain')
  })

  it('are not mistaken although the second was attempted while the provider was asked about the first', async () => {
    let answer = (_: SendReceipt) => {}
    forgetful(() => new Promise<SendReceipt>((resolve) => (answer = resolve)) as never)
    start({ attemptTimeoutMs: 5_000, holdUncertainMs: 0 })
    const first = await request()
    await time.pass(8_000)
    await request()
    await time.pass(1_000)
    answer({ providerMessageId: 'p-2' })
    await time.pass(100)
    expect([await statusOf(first), await settledAs('p-2')()]).toEqual(['uncertain', []])
  })

  it('are never settled by the echo of the one that the log knows', async () => {
    pigeon = new PigeonPost({ reconciles: false })
    transports = [pigeon.transport]
    const checkpoints = memoryCheckpointStore()
    const crashed = start({ checkpoints, attemptTimeoutMs: 5_000 })
    const first = await request()
    await time.pass(6_000)
    pigeon.answers = ['lose-before-taking']
    const second = await request()
    await time.pass(500)
    await crashed.stop({ abort: true })
    start({ checkpoints, attemptTimeoutMs: 5_000 })
    const echo = { ...callback('message.read', first), type: 'message.sent', data: { origin: 'api', content: { text: 'coo' } } }
    await record({ ...echo, idempotencyKey: 'echo' } as EventFact)
    await time.pass(60_000)
    expect([await statusOf(first), await statusOf(second)]).toEqual(['sent', 'uncertain'])
  })
})

describe('much', () => {
  it('to one contact takes no longer for each message', async () => {
    // What is gathered for a moment is not waited for here.
    const sleep: Sleep = (ms, signal) => (ms < 10 ? Promise.resolve() : timerSleep(ms, signal))
    const real = { store, transports, clock: systemClock, ids: uuidSource, logger: silentLogger, sleep }
    const outbox = new Outbox(real)
    growth.onGrown((recorded) => outbox.heard(recorded))
    let expected = 0
    const perMessage = async (count: number) => {
      const consents = new ConsentReader(store)
      const to = `+3363998${String(count).padStart(4, '0')}`
      for (let index = 0; index < count; index += 1)
        await recordRequest({ channel: 'pigeon', to, content: { text: `${index}` } }, { ...real, consents })
      const startedAt = performance.now()
      outbox.start()
      expected += count
      while (pigeon.taken.length < expected) await new Promise((resolve) => setTimeout(resolve, 5))
      return (performance.now() - startedAt) / count
    }
    await perMessage(1_000)
    const few = await perMessage(1_000)
    expect(await perMessage(9_000)).toBeLessThan(3 * few + 0.1)
    expect([pigeon.taken.length, pigeon.mostInFlight]).toEqual([11_000, 1])
    await outbox.stop()
  })

  it('that waits is not held in memory', async () => {
    const outbox = start()
    const letter = 'x'.repeat(10_000)
    const context = { store: memoryEventStore({ clock: time.clock }), transports, ...runtime() }
    await recordRequest({ channel: 'pigeon', to: '+33639980001', content: { text: letter } }, context)
    const memory = new OutboxMemory(time.clock)
    for await (const event of context.store.readAll()) memory.read(event, undefined)
    expect(JSON.stringify(memory.all()).length).toBeLessThan(1_000)
    expect(outbox.state().unsettled).toBe(0)
  })

  it('that is done with is not held in memory while a long log is read at the start', async () => {
    const first = start()
    for (let index = 0; index < 300; index += 1) await request({ to: `+3363998${String(index).padStart(4, '0')}` })
    await time.pass(10_000)
    await first.stop()
    const waiting = await request({ notBefore: new Date(time.clock.now() + 60_000) })
    let most = 0
    const second: Outbox = start({
      store: {
        ...store,
        readAll: async function* (options) {
          for await (const event of store.readAll(options)) {
            yield event
            most = Math.max(most, second.state().unsettled)
          }
        },
      },
    })
    await time.pass(70_000)
    expect(pigeon.taken.at(-1)).toBe(waiting)
    // One contact's messages are recorded together with others', so some are open at once.
    expect(most).toBeLessThan(301)
    expect(second.state().unsettled).toBe(0)
  })
})

it('reads the log once for what it is asked to send, and once for all that it recorded itself', async () => {
  const asked = { readAll: 0, find: 0 }
  const counting: EventStore = {
    ...store,
    readAll: (options) => {
      asked.readAll += 1
      return store.readAll(options)
    },
    find: (key) => {
      asked.find += 1
      return store.find(key)
    },
  }
  start({ store: counting })
  await time.pass(1_000)
  const before = asked.readAll
  const messageId = await request()
  await time.pass(1_000)
  expect(pigeon.taken).toEqual([messageId])
  expect(await told()).toEqual(['requested', 'attempted', 'sent'])
  expect([asked.readAll - before, asked.find]).toEqual([2, 0])
})

it('reads on from where all before was done with', async () => {
  const checkpoints = memoryCheckpointStore()
  const first = start({ checkpoints })
  for (let index = 0; index < 20; index += 1) await request({ to: `+336399800${10 + index}` })
  const waiting = await request({ to: '+33639980001', notBefore: new Date(time.clock.now() + 3_600_000) })
  for (let index = 0; index < 20; index += 1) await request({ to: `+336399800${40 + index}` })
  await time.pass(10_000)
  await first.stop()
  let read = 0
  const counting: EventStore = {
    ...store,
    readAll: async function* (options) {
      for await (const event of store.readAll(options)) {
        read += 1
        yield event
      }
    },
  }
  start({ checkpoints, store: counting })
  await time.pass(10_000)
  expect(read).toBeLessThan(110)
  expect(read).toBeGreaterThan(20)
  await time.pass(3_600_000)
  expect(pigeon.taken).toContain(waiting)
  expect(new Set(pigeon.taken).size).toBe(pigeon.taken.length)
})

/** A store that a crashing process sees: appends of these types never come through. */
function failingAfter(real: EventStore, types: readonly string[]): EventStore {
  return {
    ...real,
    append: (requests) => {
      if (requests.some(({ events }) => events.some(({ type }) => types.includes(type)))) return new Promise(() => {})
      return real.append(requests)
    },
  }
}
