import { createEvent, isCommsError, systemClock, uuidSource } from '@pipe-comms/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ID_INSTANCE, incoming, incomingExtendedText, incomingText, stateChanged } from '../testing/notifications.ts'
import { parseNotification } from './parse.ts'

const parse = (body: unknown) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const request = { method: 'POST', url: 'https://comms.example.com/', headers: new Headers(), body: new TextEncoder().encode(text) }
  return parseNotification(request, String(ID_INSTANCE))
}
const phone = (digits: string) => ({ kind: 'phone', value: `+${digits}`, raw: `${digits}@c.us` })

describe('an incoming text', () => {
  it('becomes message.received', () => {
    const notification = incomingText('A1', 'Bonjour')
    expect(parse(notification)).toEqual([
      {
        type: 'message.received',
        idempotencyKey: 'greenapi:7105000001:received:33639980001@c.us:A1',
        channel: 'whatsapp',
        provider: 'greenapi',
        account: '7105000001',
        direction: 'inbound',
        contact: phone('33639980001'),
        endpoint: phone('33639980010'),
        messageId: 'greenapi:A1',
        providerMessageId: 'A1',
        occurredAt: '2026-01-06T11:00:00.000Z',
        source: { via: 'webhook', raw: notification },
        data: { text: 'Bonjour', contactName: 'Camille' },
      },
    ])
  })

  it('of the extended kind keeps its link and its forwarding', () => {
    const [fact] = parse(
      incomingExtendedText('A2', {
        text: 'https://example.com',
        title: 'Shop',
        description: '',
        previewType: 'Video',
        isForwarded: true,
        forwardingScore: 2,
      }),
    )
    expect(fact?.data).toEqual({
      text: 'https://example.com',
      link: { title: 'Shop', preview: 'Video' },
      forwarded: { score: 2 },
      contactName: 'Camille',
    })
  })

  it('keeps what it answers', () => {
    const quotedMessage = { stanzaId: '3EB0', participant: '33639980010@c.us', typeMessage: 'textMessage', textMessage: 'Mardi ?' }
    const [fact] = parse(incoming('A3', { typeMessage: 'textMessage', textMessageData: { textMessage: 'Oui' }, quotedMessage }))
    expect(fact?.data).toMatchObject({
      quoted: { providerMessageId: '3EB0', author: phone('33639980010'), text: 'Mardi ?', type: 'textMessage' },
    })
  })

  it('from a group keeps chat and writer apart', () => {
    const [fact] = parse(incomingText('A4', 'Salut', { chatId: '120363000000000001@g.us', sender: '33639980002@c.us' }))
    expect(fact).toMatchObject({ contact: { kind: 'group', value: 'group:120363000000000001' }, data: { author: phone('33639980002') } })
  })

  it('from a privacy id is never taken for a phone number', () => {
    const [fact] = parse(incomingText('A5', 'Salut', { chatId: '100000000000001@lid', sender: '100000000000001@lid' }))
    expect(fact?.contact).toEqual({ kind: 'lid', value: 'lid:100000000000001', raw: '100000000000001@lid' })
  })

  it.each([
    ['{{SWE001}}', 'not-delivered-to-linked-devices'],
    ['{{SWE003}}', 'undecryptable'],
  ])('that is the code %s becomes a flag, not a text', (code, flag) => {
    expect(parse(incomingText('A6', code))[0]?.data).toEqual({ flags: [flag], contactName: 'Camille' })
  })

  it('may be empty, may lack its time, and may hold fields nobody knows', () => {
    const { timestamp: _, ...notification } = incomingText('A7', '')
    const [fact] = parse({ ...notification, novelty: { x: 1 } })
    expect(fact).toMatchObject({ data: { text: '' }, source: { raw: { novelty: { x: 1 } } } })
    expect(fact).not.toHaveProperty('occurredAt')
  })

  it('of an instance that is not authorised yet has no endpoint', () => {
    const notification = incomingText('A8', 'x')
    expect(parse({ ...notification, instanceData: { idInstance: ID_INSTANCE, wid: '' } })[0]).not.toHaveProperty('endpoint')
  })
})

describe('what is not understood', () => {
  it.each([
    ['broken JSON', '{"typeWebhook":', 'the body is not JSON'],
    ['an empty body', '', 'the body is not JSON'],
    ['null', 'null', 'expected a notification'],
    ['another instance', { ...incomingText('A1', 'x'), instanceData: { idInstance: 7105000002 } }, 'of instance 7105000002'],
    ['another kind', stateChanged, 'typeWebhook "stateInstanceChanged" is not known'],
    ['another message', incoming('A1', { typeMessage: 'imageMessage', fileMessageData: {} }), 'typeMessage "imageMessage" is not known'],
    ['a text without its text', incoming('A1', { typeMessage: 'textMessage' }), 'textMessageData'],
    ['no message id', { ...incomingText('A1', 'x'), idMessage: '' }, 'idMessage'],
    ['a chat that is none', incomingText('A1', 'x', { chatId: 'nobody@c.us' }), 'expected a chat id, got "nobody@c.us"'],
    ['a time in milliseconds', { ...incomingText('A1', 'x'), timestamp: 1_767_697_200_000 }, 'timestamp'],
  ])('%s is refused with its reason', (_, body, reason) => {
    expect(() => parse(body)).toThrow(reason)
  })

  it('is refused with a code, whatever it is; what is understood keeps the schema', () => {
    const mutated = fc.tuple(
      fc.constantFrom(incomingText('A1', 'x'), incomingExtendedText('A2', { text: 'y' }), stateChanged),
      fc.nat(),
      fc.json(),
      fc.boolean(),
    )
    fc.assert(
      fc.property(mutated, ([notification, at, json, cut]) => {
        const text = JSON.stringify(notification)
        const from = at % text.length
        const body = cut
          ? text.slice(0, from) + json + text.slice(from + 3)
          : text.replace(/("[a-zA-Z]+":)("[^"]*"|\d+)/g, (all, key, _v, offset) => (offset % 7 === at % 7 ? `${key}${json}` : all))
        try {
          for (const fact of parse(body)) createEvent(fact, { clock: systemClock, ids: uuidSource })
        } catch (error) {
          expect(isCommsError(error, 'webhook_unparsable') || isCommsError(error, 'event_invalid')).toBe(true)
        }
      }),
      { numRuns: 3000 },
    )
  })
})
