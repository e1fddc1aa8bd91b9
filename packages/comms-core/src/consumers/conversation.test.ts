import { describe, expect, it } from 'vitest'
import { collect } from '../conformance/runner.ts'
import type { EventFact } from '../events/message-event.ts'
import { createEvent, type RecordedEvent, streamIdOf } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { conversationOf, conversations } from './conversation.ts'
import { project } from './projection.ts'

const contact = { kind: 'phone' as const, value: '+33639980001', raw: '33639980001@c.us' }
const endpoint = { kind: 'phone' as const, value: '+33639980099', raw: '33639980099@c.us' }
const STREAM = 'whatsapp:+33639980001'
const colleague = { kind: 'phone' as const, value: '+33639980002', raw: '33639980002@c.us' }
let count = 0

function fact(type: string, fields: object, data: object): EventFact {
  count += 1
  const second = String(count % 60).padStart(2, '0')
  return {
    type,
    idempotencyKey: `${type}:${count}`,
    channel: 'whatsapp',
    provider: 'greenapi',
    contact,
    occurredAt: `2026-01-06T10:00:${second}.000Z`,
    ...fields,
    data,
  } as EventFact
}

const said = (id: string, content: object) =>
  fact('message.received', { direction: 'inbound', messageId: `greenapi:${id}`, providerMessageId: id }, content)
const asked = (messageId: string, text: string) => fact('message.requested', { direction: 'outbound', messageId }, { content: { text } })
const sent = (messageId: string, id: string, data: object = {}) =>
  fact('message.sent', { direction: 'outbound', messageId, providerMessageId: id }, { origin: 'api', ...data })
const edit = (id: string, data: object, fields: object = {}) =>
  fact('message.edited', fields, { target: { providerMessageId: id }, ...data })
const deletion = (id: string) => fact('message.deleted', {}, { target: { providerMessageId: id } })
const reaction = (id: string, emoji: string, fields: object = {}, data: object = {}) =>
  fact('message.reacted', { direction: 'inbound', ...fields }, { target: { providerMessageId: id }, emoji, ...data })

async function recorded(...facts: EventFact[]): Promise<RecordedEvent[]> {
  const store = memoryEventStore()
  for (const one of facts) {
    const event = createEvent(one, { clock: systemClock, ids: uuidSource })
    await store.append([{ streamId: streamIdOf(event), events: [event] }])
  }
  return collect(store.readAll())
}

async function afterwards(...facts: EventFact[]) {
  const events = await recorded(...facts)
  const { state } = await project(
    (async function* () {
      yield* events
    })(),
    conversations,
  )
  return conversationOf(state, STREAM)
}

describe('a conversation', () => {
  it('has its messages in the order of the log, with both sides counted', async () => {
    const { messages, ...rest } = await afterwards(said('A1', { text: 'Bonjour' }), asked('msg-1', 'Oui ?'), said('A2', { text: 'Merci' }))
    expect(messages.map(({ messageId, direction, content }) => [messageId, direction, content.text])).toEqual([
      ['greenapi:A1', 'inbound', 'Bonjour'],
      ['msg-1', 'outbound', 'Oui ?'],
      ['greenapi:A2', 'inbound', 'Merci'],
    ])
    expect(rest).toMatchObject({ streamId: STREAM, inbound: 2, outbound: 1 })
  })

  it('is empty for an unknown stream', async () => {
    expect(conversationOf({}, '__proto__')).toEqual({ streamId: '__proto__', messages: [], inbound: 0, outbound: 0 })
  })

  it('shows a message once that was asked for by our name and echoed under the name of the provider', async () => {
    const request = asked('msg-1', 'Oui ?')
    const answer = sent('msg-1', 'A1')
    const echo = sent('greenapi:A1', 'A1', { content: { text: 'Oui ?' } })
    for (const order of [
      [request, answer, echo],
      [echo, request, answer],
      [request, echo, answer],
    ]) {
      const { messages, outbound } = await afterwards(...order)
      expect(messages.map(({ messageId, content }) => [messageId, content.text])).toEqual([['msg-1', 'Oui ?']])
      expect(outbound).toBe(1)
    }
  })

  it('applies edits, the latest holding, whether recorded before or after their message', async () => {
    const message = said('A1', { text: 'Bonjuor' })
    const first = edit('A1', { text: 'Bonjou' })
    const last = edit('A1', { text: 'Bonjour' })
    for (const order of [
      [message, first, last],
      [last, first, message],
      [first, message, last],
    ]) {
      const { messages } = await afterwards(...order)
      expect(messages).toMatchObject([{ content: { text: 'Bonjour' }, edited: true, occurredAt: message.occurredAt }])
    }
  })

  it('puts an edited caption on the file', async () => {
    const message = said('A1', { media: [{ kind: 'image', url: 'https://example.com/a.jpg', caption: 'ici' }] })
    const { messages } = await afterwards(message, edit('A1', { caption: 'là' }))
    expect(messages[0]?.content.media).toEqual([{ kind: 'image', url: 'https://example.com/a.jpg', caption: 'là' }])
  })

  it('shows nothing of a deleted message but that it was there', async () => {
    const message = said('A1', { text: 'oops' })
    const gone = deletion('A1')
    for (const order of [
      [message, gone],
      [gone, message],
      [gone, message, edit('A1', { text: 'again' })],
    ]) {
      const { messages, inbound } = await afterwards(...order)
      expect(messages).toMatchObject([{ content: {}, deleted: true }])
      expect(inbound).toBe(1)
    }
  })

  it('has the last reaction of each party, until it is taken back', async () => {
    const message = sent('msg-1', 'A1', { content: { text: 'Merci' } })
    const up = reaction('A1', '👍')
    const heart = reaction('A1', '❤️')
    const byColleague = reaction('A1', '🎉', {}, { author: colleague })
    const byUs = reaction('A1', '🙏', { direction: 'outbound', endpoint })
    const expected = [
      { by: '+33639980001', emoji: '❤️' },
      { by: '+33639980002', emoji: '🎉' },
      { by: '+33639980099', emoji: '🙏' },
    ]
    for (const order of [
      [message, up, heart, byColleague, byUs],
      [byUs, heart, up, message, byColleague],
    ]) {
      expect((await afterwards(...order)).messages[0]?.reactions).toEqual(expected)
    }
    expect((await afterwards(message, up, reaction('A1', ''))).messages[0]?.reactions).toEqual([])
  })

  it('lets the log decide between two reactions of one second', async () => {
    const at = { occurredAt: '2026-01-06T11:00:00.000Z' }
    const { messages } = await afterwards(
      said('A1', { text: 'ok' }),
      { ...reaction('A1', '👍'), ...at },
      { ...reaction('A1', '😮'), ...at },
    )
    expect(messages[0]?.reactions).toEqual([{ by: '+33639980001', emoji: '😮' }])
  })

  it('shows no message of which only a change is known, and counts the change as activity', async () => {
    const late = edit('A9', { text: '?' })
    expect(await afterwards(late)).toEqual({ streamId: STREAM, messages: [], inbound: 0, outbound: 0, lastActivityAt: late.occurredAt })
  })

  it('takes a delivery state for no activity', async () => {
    const message = asked('msg-1', 'Oui ?')
    const state = fact('message.read', { messageId: 'msg-1', occurredAt: '2026-01-07T00:00:00.000Z' }, {})
    expect((await afterwards(message, state)).lastActivityAt).toBe(message.occurredAt)
  })
})
