import { describe, expect, it } from 'vitest'
import { ID_INSTANCE, incoming, incomingText, messageStatus, notice, outgoing } from '../testing/notifications.ts'
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

  it('of our own are left out while the instance is not authorised, or when they are no text', () => {
    for (const wid of ['', ' ', null, 7]) {
      expect(parse({ ...incomingText('A1', 'x'), instanceData: { idInstance: ID_INSTANCE, wid } })[0]).not.toHaveProperty('endpoint')
    }
  })

  it('of callers that are odd do not hide the call', () => {
    const participants = [{ id: '867051000000001@bot' }, 7, { id: null }, { id: '33639980001@c.us' }]
    const fields = { from: '120363000000000001@g.us', idMessage: 'C1', status: 'pickUp', participants }
    expect(parse(notice('outgoingCall', fields))[0]).toMatchObject({
      data: { participants: [{ kind: 'other', raw: '867051000000001@bot' }, CAMILLE] },
      source: { unread: [expect.stringContaining('participants.1:'), expect.stringContaining('participants.2.id:')] },
    })
  })

  it.each(['867051000000001@bot', '100000000000001:99@hosted.lid', '33639980001:99@hosted', '0@c.us', '?'])(
    'of the writer in a group that are odd (%s) do not cost the message',
    (sender) => {
      const [fact] = parse(incomingText('A1', 'Salut', { chatId: '120363000000000001@g.us', sender }))
      expect(fact).toMatchObject({
        type: 'message.received',
        contact: { value: 'group:120363000000000001' },
        data: { text: 'Salut', author: { raw: sender } },
      })
    },
  )

  it.each(['867051000000001@bot', 'nobody@c.us', 'a@example.com', '+33639980001', 'x'.repeat(256)])(
    'of a chat that are of no known form (%s) are kept as they are',
    (chatId) => {
      expect(parse(incomingText('A1', 'x', { chatId }))[0]).toMatchObject({ type: 'message.received', contact: { raw: chatId } })
      expect(parse(outgoing('outgoingMessageReceived', 'A2', { typeMessage: 'textMessage' }, chatId))[0]).toMatchObject({
        type: 'message.sent',
        contact: { raw: chatId },
      })
    },
  )

  it.each([null, undefined, 7, ''])('of a chat that is missing (%s) are those of the writer of an incoming message', (chatId) => {
    expect(parse(incomingText('A1', 'x', { chatId }))[0]).toMatchObject({
      idempotencyKey: 'greenapi:7105000001:received:33639980001@c.us:A1',
      contact: CAMILLE,
    })
  })

  it.each([null, undefined, 7, ''])('of a status without its chat (%s) are unknown, and the message is known by its id', (chatId) => {
    expect(parse(messageStatus('BAE57', 'noAccount', { chatId }))).toMatchObject([
      {
        type: 'message.failed',
        idempotencyKey: 'greenapi:7105000001:status:unknown-chat:BAE57:noAccount',
        contact: { kind: 'other', value: 'other:unknown-chat' },
        messageId: 'greenapi:BAE57',
        providerMessageId: 'BAE57',
        data: { error: { code: 'no-account' } },
      },
    ])
  })

  describe('of a broadcast list', () => {
    const list = { chatId: '1767690000@broadcast', sender: '33639980001@c.us' }

    it('are those of who wrote, with the list beside them and in the key', () => {
      const [fact] = parse(incomingText('A1', 'Bonjour à tous', list))
      expect(fact).toMatchObject({
        idempotencyKey: 'greenapi:7105000001:received:1767690000@broadcast:A1',
        contact: CAMILLE,
        data: { text: 'Bonjour à tous', extra: { broadcastList: '1767690000@broadcast' } },
      })
      expect(fact?.data).not.toHaveProperty('author')
    })

    it('are those of who edits, deletes or reacts', () => {
      const changes = ROWS.filter(({ fact }) => /edited|deleted|reacted/.test(fact.type) && fact.direction === 'inbound')
      expect(changes.length).toBeGreaterThan(3)
      for (const { notification } of changes) {
        const senderData = { ...(notification.senderData as object), ...list }
        expect(parse({ ...notification, senderData })[0]).toMatchObject({ contact: CAMILLE })
      }
    })

    it('are the list itself when nobody is named, or when we write to it', () => {
      expect(parse(incomingText('A1', 'x', { ...list, sender: '' }))[0]).toMatchObject({ contact: { value: 'broadcast:1767690000' } })
      const ours = outgoing('outgoingMessageReceived', 'A2', { typeMessage: 'textMessage' }, list.chatId)
      expect(parse(ours)[0]).toMatchObject({ contact: { value: 'broadcast:1767690000' } })
    })

    it('are not those of a channel: who writes there writes to everybody', () => {
      const [fact] = parse(incomingText('A1', 'x', { ...list, chatId: '120363000000000001@newsletter' }))
      expect(fact).toMatchObject({ contact: { kind: 'broadcast' }, data: { author: CAMILLE } })
    })
  })

  describe('in all their spellings', () => {
    const spellings = {
      '33639980001@c.us': ['33639980001:3@c.us', '33639980001@s.whatsapp.net', '33639980001:12@s.whatsapp.net', '33639980001@C.US'],
      '100000000000001@lid': ['100000000000001:7@lid', '100000000000001@LID'],
      '120363000000000001@g.us': ['120363000000000001@G.US'],
      'status@broadcast': ['status@BROADCAST'],
      '867051000000001@bot': ['867051000000001:2@bot', '867051000000001@Bot'],
    }

    it.each(Object.entries(spellings))('of %s give one key, which is the one that older logs have', (chatId, others) => {
      const rows = ROWS.filter(({ notification }) => JSON.stringify(notification).includes('33639980001@c.us'))
      const keys = (spelling: string) =>
        rows.map(({ notification }) => {
          const spelled = JSON.parse(JSON.stringify(notification).replaceAll('"33639980001@c.us"', JSON.stringify(spelling)))
          return parse(spelled)[0]?.idempotencyKey
        })
      const expected = rows.map(({ fact }) => fact.idempotencyKey.replaceAll('33639980001@c.us', chatId))
      expect(keys(chatId)).toEqual(expected)
      for (const spelling of others) expect(keys(spelling)).toEqual(expected)
    })

    it('of a number that WhatsApp writes with digits of its own give the key that older logs have', () => {
      expect(parse(incomingText('A1', 'x', { chatId: '5215512345678@c.us' }))[0]?.idempotencyKey).toContain(':5215512345678@c.us:')
    })
  })
})

describe('a fact', () => {
  it('has no time when that of its message is odd, and says so', () => {
    const [fact] = parse({ ...incomingText('A1', 'x'), timestamp: 1_767_697_200_000 })
    expect(fact).not.toHaveProperty('occurredAt')
    expect(fact).toMatchObject({ data: { text: 'x' }, source: { unread: [expect.stringMatching(/^timestamp: /)] } })
  })

  it.each([
    ['a text under the key of another', 'textMessage', { extendedTextMessageData: { text: 'x' } }],
    ['a text that is no text', 'textMessage', { textMessageData: { textMessage: ['x'] } }],
    ['a place without data', 'locationMessage', {}],
    ['a vote without its poll', 'pollUpdateMessage', { pollMessageData: { votes: [] } }],
    ['a choice under an unknown key', 'buttonsResponseMessage', { novelty: { selectedButtonId: '1' } }],
  ])('that nothing can be read of is flagged unreadable: %s', (_, typeMessage, data) => {
    expect(parse(incoming('A1', { typeMessage, ...data }))[0]).toMatchObject({ type: 'message.received', data: { flags: ['unreadable'] } })
  })

  it('of a place that is none keeps its words', () => {
    const place = { latitude: 91, longitude: 0, nameLocation: 'Café', address: '1 rue X' }
    const [fact] = parse(incoming('A1', { typeMessage: 'locationMessage', locationMessageData: place }))
    expect(fact).toMatchObject({
      data: { extra: { place: { name: 'Café', address: '1 rue X' } }, flags: ['unreadable'] },
      source: { unread: [expect.stringMatching(/^messageData\.locationMessageData\.latitude: /)] },
    })
  })

  it('of a reaction that cannot be read is no reaction that was taken back', () => {
    const quotedMessage = { stanzaId: '3EB0' }
    for (const extendedTextMessageData of [{ text: 7 }, 'x', 7]) {
      const [fact] = parse(incoming('A1', { typeMessage: 'reactionMessage', extendedTextMessageData, quotedMessage }))
      expect(fact).toMatchObject({ type: 'message.reacted', data: { emoji: '\ufffd' } })
    }
  })

  it.each([
    ['an integer over 2^53', '"newMessageServerId":9007199254740993'],
    ['a name that comes twice', '"novelty":1,"novelty":2'],
  ])('keeps the body as text when parsing loses something of it: %s', (_, part) => {
    const body = JSON.stringify(incomingText('A1', 'x')).replace('{', `{${part},`)
    expect(parse(body)[0]).toMatchObject({ type: 'message.received', data: { text: 'x' }, source: { raw: body } })
  })

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
    ['a reaction to nothing', message('reactionMessage', { extendedTextMessageData: { text: '👍' } }), 'quotedMessage'],
    ['an edit of nothing', message('editedMessage', { editedMessageData: { textMessage: 'x' } }), 'editedMessageData.stanzaId'],
    ['no message id', { ...text, idMessage: '' }, 'idMessage'],
    ['no chat', { ...text, senderData: {} }, 'senderData.chatId'],
    ['a chat that is blank', outgoing('outgoingMessageReceived', 'A1', {}, ' '), 'messageData.typeMessage'],
    [
      'a message of ours to nobody',
      outgoing('outgoingMessageReceived', 'A1', { typeMessage: 'textMessage' }, ' '),
      'expected a chat id, got " "',
    ],
    ['ids too long for a key', { ...text, idMessage: ':'.repeat(250) }, 'expected ids of the usual length'],
  ])('%s is refused with its reason and without its words', (_, body, reason) => {
    expect(() => parse(body)).toThrow(
      expect.objectContaining({ code: 'webhook_unparsable', message: expect.stringContaining(reason) }) as Error,
    )
    expect(() => parse(body)).not.toThrow('a secret of theirs')
  })
})
