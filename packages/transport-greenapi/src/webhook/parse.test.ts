import { describe, expect, it } from 'vitest'
import { ID_INSTANCE, incoming, incomingText, messageStatus, notice } from '../testing/notifications.ts'
import { ROWS } from '../testing/rows/index.ts'
import { CAMILLE, phone } from '../testing/rows/row.ts'
import { parseNotification } from './parse.ts'

const parse = (body: unknown) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return parseNotification(new TextEncoder().encode(text), { idInstance: String(ID_INSTANCE), via: 'webhook' })
}

describe('addresses', () => {
  it('in a group: chat and writer are kept apart', () => {
    const [fact] = parse(incomingText('A1', 'Salut', { chatId: '120363000000000001@g.us', sender: '33639980002@c.us' }))
    expect(fact).toMatchObject({
      idempotencyKey: 'greenapi:7105000001:received:120363000000000001@g.us:A1',
      contact: { kind: 'group', value: 'group:120363000000000001' },
      data: { author: phone('33639980002') },
    })
  })

  it('in a group of the older form', () => {
    const [fact] = parse(incomingText('A1', 'Salut', { chatId: '33639980001-1581234048@g.us', sender: '33639980002@c.us' }))
    expect(fact).toMatchObject({
      contact: { kind: 'group', value: 'group:33639980001-1581234048' },
      data: { author: phone('33639980002') },
    })
  })

  it('of the same member under the same id: everybody in a group sees it, so the chat is in the key', () => {
    const chats = ['120363000000000001@g.us', '120363000000000002@g.us']
    const keys = chats.map((chatId) => parse(incomingText('A1', 'x', { chatId, sender: '33639980002@c.us' }))[0]?.idempotencyKey)
    expect(new Set(keys).size).toBe(2)
  })

  it('of a personal chat: the writer is the chat, also from another device', () => {
    expect(parse(incomingText('A1', 'x', { sender: '33639980001:12@c.us' }))[0]?.data).toEqual({ text: 'x', contactName: 'Camille' })
  })

  it('of statuses shown to all: who wrote is kept', () => {
    const [fact] = parse(incomingText('A1', 'x', { chatId: 'status@broadcast', sender: '33639980001@c.us' }))
    expect(fact).toMatchObject({ contact: { kind: 'broadcast' }, data: { author: CAMILLE } })
  })

  it.each(ROWS.map((row) => [row.type, row.remark, row] as const))(
    'that are privacy ids are never taken for phone numbers: %s, %s',
    (_type, _remark, { notification }) => {
      const hidden = JSON.stringify(notification).replaceAll(/336399800\d\d@c\.us/g, '100000000000001@lid')
      const [{ source: _raw, ...fact } = { source: undefined }] = parse(hidden)
      expect(fact).toMatchObject({ account: '7105000001' })
      expect(JSON.stringify(fact)).not.toMatch(/"kind":"phone"|\+1000/)
    },
  )

  it('of our own are left out while the instance is not authorised, or when they are odd', () => {
    for (const wid of ['', null, 'novelty']) {
      expect(parse({ ...incomingText('A1', 'x'), instanceData: { idInstance: ID_INSTANCE, wid } })[0]).not.toHaveProperty('endpoint')
    }
  })

  it('of callers that are odd do not hide the call', () => {
    const participants = [{ id: 'novelty' }, { id: '33639980001@c.us' }]
    const fields = { from: '120363000000000001@g.us', idMessage: 'C1', status: 'pickUp', participants }
    expect(parse(notice('outgoingCall', fields))[0]?.data).toMatchObject({ participants: [CAMILLE] })
  })
})

describe('a fact', () => {
  it('has no time when its message has none', () => {
    const { timestamp: _, ...notification } = incomingText('A1', 'x')
    expect(parse(notification)[0]).not.toHaveProperty('occurredAt')
  })

  it('names the writer as the address book does, otherwise as they call themselves', () => {
    const named = (sender: object) => {
      const [fact] = parse(incomingText('A1', 'x', sender))
      return fact?.type === 'message.received' ? fact.data.contactName : undefined
    }
    expect(named({ senderContactName: 'Camille (lead)' })).toBe('Camille (lead)')
    expect(named({ senderContactName: '' })).toBe('Camille')
    expect(named({ senderContactName: undefined, senderName: '' })).toBeUndefined()
  })

  it('keeps its key when an instance writes its number as a text', () => {
    const asText = { ...incomingText('A1', 'x'), instanceData: { idInstance: String(ID_INSTANCE) } }
    expect(parse(asText)[0]?.idempotencyKey).toBe(parse(incomingText('A1', 'x'))[0]?.idempotencyKey)
  })

  it('that has no id is another one at another time, and the same one at the same', () => {
    const at = (timestamp: number, fields: object = {}) =>
      parse({ ...notice('stateInstanceChanged', { stateInstance: 'authorized' }), timestamp, ...fields })[0]?.idempotencyKey
    expect(at(1_767_697_200, { novelty: 1 })).toBe(at(1_767_697_200))
    expect(at(1_767_697_201)).not.toBe(at(1_767_697_200))
  })

  it('of a limit without a time is the same one while it says the same', () => {
    const key = (quotaData: object) => {
      const { timestamp: _, ...notification } = notice('quotaExceeded', { quotaData })
      return parse(notification)[0]?.idempotencyKey
    }
    const quota = { method: 'correspondents', used: 3, total: 3, status: 'X', description: 'only: 33639980001@c.us' }
    expect(key({ ...quota, novelty: 1 })).toBe(key(quota))
    expect(key({ ...quota, description: 'only: 33639980002@c.us' })).not.toBe(key(quota))
  })
})

describe('what is not understood', () => {
  const text = incomingText('A1', 'a secret of theirs')
  const message = (typeMessage: string, data: object = {}) => incoming('A1', { typeMessage, ...data })

  it.each([
    ['broken JSON', '{"typeWebhook":', 'the body is not JSON'],
    ['an empty body', '', 'the body is not JSON'],
    ['null', 'null', 'expected a notification'],
    ['a list', '[]', 'expected a notification'],
    ['the wrapping of a polled one', { receiptId: 1, body: text }, 'expected a notification'],
    ['another instance', { ...text, instanceData: { idInstance: 7105000002 } }, 'of instance 7105000002'],
    ['a typeWebhook of tomorrow', notice('catalogChanged', {}), 'typeWebhook "catalogChanged" is not known'],
    ['a name that every object has', notice('constructor', {}), 'typeWebhook "constructor" is not known'],
    ['a typeMessage of tomorrow', message('eventMessage'), 'typeMessage "eventMessage" is not known'],
    ['a typeMessage that every object has', message('toString'), 'typeMessage "toString" is not known'],
    ['a status of tomorrow', messageStatus('A1', 'played'), 'status "played" is not known'],
    ['a state of tomorrow', notice('stateInstanceChanged', { stateInstance: 'frozen' }), 'stateInstance "frozen" is not known'],
    ['a connection of tomorrow', notice('statusInstanceChanged', { statusInstance: 'slow' }), 'statusInstance "slow" is not known'],
    ['a call of tomorrow', notice('incomingCall', { from: '33639980001@c.us', idMessage: 'C1', status: 'held' }), 'status "held"'],
    ['a block that is lifted', notice('incomingBlock', { chatId: '33639980001@c.us', chatState: 'unblocked' }), 'chatState'],
    ['a state without its time', { ...notice('stateInstanceChanged', { stateInstance: 'authorized' }), timestamp: undefined }, 'timestamp'],
    ['device information that is neither of the two', notice('deviceInfo', {}), 'deviceData'],
    ['a text without its text', message('textMessage'), 'expected a textMessage: textMessageData'],
    ['a text under the key of another', message('textMessage', { extendedTextMessageData: { text: 'x' } }), 'textMessageData'],
    ['a place that is none', message('locationMessage', { locationMessageData: { latitude: 91, longitude: 0 } }), 'latitude'],
    ['a reaction to nothing', message('reactionMessage', { extendedTextMessageData: { text: '👍' } }), 'quotedMessage'],
    ['an edit of nothing', message('editedMessage', { editedMessageData: { textMessage: 'x' } }), 'editedMessageData.stanzaId'],
    ['no message id', { ...text, idMessage: '' }, 'idMessage'],
    ['no chat', { ...text, senderData: {} }, 'senderData.chatId'],
    ['a chat that is none', incomingText('A1', 'x', { chatId: 'nobody@c.us' }), 'expected a chat id, got "nobody@c.us"'],
    ['a chat that is a bare number', incomingText('A1', 'x', { chatId: '+33639980001' }), 'expected a chat id, got "+33639980001"'],
    ['a chat that is an e-mail address', incomingText('A1', 'x', { chatId: 'a@example.com' }), 'expected a chat id, got "a@example.com"'],
    ['a writer who is none', incomingText('A1', 'x', { chatId: '120363000000000001@g.us', sender: 'nobody' }), 'expected a chat id, got'],
    ['a time in milliseconds', { ...text, timestamp: 1_767_697_200_000 }, 'timestamp'],
    ['ids too long for a key', { ...text, idMessage: ':'.repeat(250) }, 'expected ids of the usual length'],
  ])('%s is refused with its reason and without its words', (_, body, reason) => {
    expect(() => parse(body)).toThrow(
      expect.objectContaining({ code: 'webhook_unparsable', message: expect.stringContaining(reason) }) as Error,
    )
    expect(() => parse(body)).not.toThrow('a secret of theirs')
  })
})
