import { describe, expect, it } from 'vitest'
import { createComms } from '../comms.ts'
import { parseContactAddress } from '../events/contact-address.ts'
import type { EventFact } from '../events/message-event.ts'
import { createEvent, streamIdOf } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { conversationList, conversationsByContact } from './conversation-list.ts'
import { project } from './projection.ts'

const CAMILLE = '+33639980001'
const ALEX = '+33639980002'

async function record(store: EventStore, facts: readonly Fact[]): Promise<void> {
  for (const fact of facts) {
    const event = createEvent(fact as EventFact, { clock: systemClock, ids: uuidSource })
    await store.append([{ streamId: streamIdOf(event), events: [event] }])
  }
}

type Fact = ReturnType<typeof fact>

let made = 0
function fact(type: string, minute: number, over: { to?: string; id?: string; ours?: string; data: object }) {
  made += 1
  const { to = CAMILLE, id, ours, data } = over
  return {
    type,
    idempotencyKey: `fact-${made}`,
    channel: 'pigeon',
    provider: 'pigeon',
    direction: type === 'message.received' ? 'inbound' : 'outbound',
    contact: parseContactAddress(to),
    ...(id === undefined ? {} : { providerMessageId: id }),
    messageId: ours ?? `pigeon:${id}`,
    occurredAt: `2026-01-06T10:${String(minute).padStart(2, '0')}:00.000Z`,
    data,
  }
}
const received = (minute: number, id: string, data: object, to = CAMILLE) => fact('message.received', minute, { id, data, to })
const requested = (minute: number, ours: string, text: string, to = CAMILLE) =>
  fact('message.requested', minute, { ours, to, data: { content: { text } } })

async function listOf(facts: readonly Fact[]) {
  const store = memoryEventStore()
  await record(store, facts)
  return conversationList((await project(store.readAll(), conversationsByContact)).state)
}

describe('the list of conversations', () => {
  it('has the newest first, with counts and the last text', async () => {
    const list = await listOf([
      received(1, 'a', { text: 'Bonjour' }),
      received(2, 'b', { text: 'Bonsoir' }, ALEX),
      requested(3, 'm-1', 'Que puis-je ?'),
      fact('message.attempted', 3, { ours: 'm-1', data: { attempt: 1, by: 'x', deadline: '2026-01-06T10:04:00.000Z' } }),
      fact('message.sent', 3, { ours: 'm-1', id: 'p-1', data: { origin: 'api' } }),
    ])
    expect(list).toMatchObject([
      { streamId: `pigeon:${CAMILLE}`, channel: 'pigeon', inbound: 1, outbound: 1, lastText: 'Que puis-je ?', lastDirection: 'outbound' },
      { streamId: `pigeon:${ALEX}`, contact: { value: ALEX }, inbound: 1, outbound: 0, lastText: 'Bonsoir', lastDirection: 'inbound' },
    ])
    expect(list[0]?.lastActivityAt).toBe('2026-01-06T10:03:00.000Z')
  })

  it('counts what staff typed on the phone, and not the echo of what we sent', async () => {
    const [only] = await listOf([
      requested(1, 'm-1', 'Bonjour'),
      fact('message.sent', 1, { id: 'p-1', data: { origin: 'api', content: { text: 'Bonjour' } } }),
      fact('message.sent', 2, { id: 'p-2', data: { origin: 'device', content: { text: 'Au téléphone' } } }),
      fact('message.sent', 2, { id: 'p-2', data: { origin: 'device' } }),
    ])
    expect(only).toMatchObject({ outbound: 2, lastText: 'Au téléphone' })
  })

  it('keeps the newest message although an older one is recorded after it', async () => {
    const [only] = await listOf([received(5, 'a', { text: 'new' }), received(1, 'b', { text: 'old' })])
    expect(only).toMatchObject({ inbound: 2, lastText: 'new', lastActivityAt: '2026-01-06T10:05:00.000Z' })
  })

  it('shows the last message as edited, and nothing of one that was taken back', async () => {
    const edited = fact('message.edited', 2, { id: 'e', data: { target: { providerMessageId: 'a' }, text: 'Bonsoir' } })
    const deleted = fact('message.deleted', 3, { id: 'd', data: { target: { providerMessageId: 'p-1' } } })
    expect(await listOf([received(1, 'a', { text: 'Bonjour' }), edited])).toMatchObject([{ lastText: 'Bonsoir' }])
    const sent = fact('message.sent', 1, { ours: 'm-1', id: 'p-1', data: { origin: 'api' } })
    const [only] = await listOf([requested(1, 'm-1', 'Faute'), sent, deleted])
    expect(only).not.toHaveProperty('lastText')
  })

  it('does not change when events are fed again, and keeps no message but a line of the last', async () => {
    const store = memoryEventStore()
    await record(
      store,
      [...Array(50).keys()].map((index) => received(1, `n-${index}`, { text: `${index} ${'é'.repeat(500)}` })),
    )
    const once = await project(store.readAll(), conversationsByContact)
    const twice = await project(store.readAll(), conversationsByContact, { from: structuredClone(once) })
    expect(twice.state).toEqual(once.state)
    expect(JSON.stringify(once.state).length).toBeLessThan(1_000)
  })
})

describe('comms', () => {
  it('lists conversations, reading on from where it was, and shows one of them', async () => {
    let read = 0
    const store = memoryEventStore()
    const counting: EventStore = {
      append: (requests) => store.append(requests),
      find: (key) => store.find(key),
      readStream: (streamId, options) => store.readStream(streamId, options),
      close: () => store.close(),
      readAll: async function* (options) {
        for await (const event of store.readAll(options)) {
          read += 1
          yield event
        }
      },
    }
    const comms = createComms({ store: counting })
    await record(store, [received(1, 'a', { text: 'Bonjour' }), received(2, 'b', { text: 'Bonsoir' }, ALEX)])
    expect(await Promise.all([comms.conversations(), comms.conversations({ limit: 1 })])).toMatchObject([
      [{ lastText: 'Bonsoir' }, { lastText: 'Bonjour' }],
      [{ lastText: 'Bonsoir' }],
    ])
    expect(read).toBe(2)
    await record(store, [received(3, 'c', { text: 'Encore moi' })])
    expect(await comms.conversations({ limit: 1 })).toMatchObject([{ lastText: 'Encore moi', inbound: 2 }])
    expect(read).toBe(3)
    expect(await comms.conversation(`pigeon:${CAMILLE}`)).toMatchObject({
      inbound: 2,
      messages: [{ content: { text: 'Bonjour' } }, { content: { text: 'Encore moi' } }],
    })
    expect(await comms.conversation('pigeon:nobody')).toMatchObject({ messages: [], inbound: 0 })
    await comms.close()
  })

  it('lists conversations again after a reading broke', async () => {
    let broken = false
    const store = memoryEventStore()
    const comms = createComms({
      store: {
        append: (requests) => store.append(requests),
        find: (key) => store.find(key),
        readStream: (streamId, options) => store.readStream(streamId, options),
        close: () => store.close(),
        readAll: async function* (options) {
          for await (const event of store.readAll(options)) {
            yield event
            if (broken) throw new Error('the disk is away')
          }
        },
      },
    })
    await record(store, [received(1, 'a', { text: '1' }), received(2, 'b', { text: '2' })])
    broken = true
    await expect(comms.conversations()).rejects.toThrow('the disk is away')
    broken = false
    expect(await comms.conversations()).toMatchObject([{ inbound: 2, lastText: '2' }])
  })
})
