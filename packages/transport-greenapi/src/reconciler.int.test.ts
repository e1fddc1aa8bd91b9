import { isoInstant, type MessageContent, type OutboundMessage } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { greenApiTransport } from './index.ts'
import { API_TOKEN, outbound, running, simulatedInstance, testClock, transportTo } from './testing/simulator.ts'

const START = Date.parse('2026-01-06T11:00:00.400Z')
const CHAT = '33639980001@c.us'
const MINUTE_MS = 60_000

interface Records {
  queue?: unknown
  journal?: unknown
}

/** A transport whose instance has these records, and a clock that stands at the time of the attempt. */
function attempt(records: Records, content: MessageContent = { text: 'Bonjour' }, over: Partial<OutboundMessage> = {}) {
  const clock = testClock(START)
  const asked: string[] = []
  const transport = greenApiTransport({
    idInstance: 7105000001,
    apiToken: API_TOKEN,
    inbox: true,
    clock,
    sleep: clock.sleep,
    fetch: async (url) => {
      const [, method = '', rest = ''] = /waInstance7105000001\/(\w+)\/[^?]*(.*)/.exec(String(url)) ?? []
      asked.push(`${method}${rest}`)
      const body = method === 'showMessagesQueue' ? (records.queue ?? []) : (records.journal ?? [])
      return body instanceof Response ? body.clone() : Response.json(body)
    },
  })
  const message = outbound(content, over)
  const reconcile = (laterMs: number, others: ReadonlySet<string> = new Set()) => {
    clock.time = START + laterMs
    return transport.reconciler?.reconcile(message, { attemptedAt: isoInstant(START), others, ...running() })
  }
  return { transport, clock, asked, records, reconcile }
}

const entry = (over: object = {}) => ({
  type: 'outgoing',
  idMessage: 'BAE51',
  timestamp: Math.floor(START / 1000) + 1,
  typeMessage: 'textMessage',
  chatId: CHAT,
  textMessage: 'Bonjour',
  statusMessage: 'sent',
  sendByApi: true,
  isEdited: false,
  isDeleted: false,
  ...over,
})
const receipt = { providerMessageId: 'BAE51', occurredAt: '2026-01-06T11:00:01.000Z' }
const unrelated = [
  entry({ idMessage: 'X1', textMessage: 'Bonsoir' }),
  entry({ idMessage: 'X2', chatId: '33639980002@c.us' }),
  entry({ idMessage: 'X3', sendByApi: false }),
  entry({ idMessage: 'X4', typeMessage: 'imageMessage', textMessage: undefined, caption: 'Bonjour', fileName: 'a.jpg' }),
]

describe('a message whose sending ended without an answer', () => {
  it('was taken when the journal has it, alone', async () => {
    const { reconcile, asked } = attempt({ journal: [...unrelated, entry()] })
    expect(await reconcile(90_000)).toEqual(receipt)
    expect(asked).toEqual(['showMessagesQueue', 'lastOutgoingMessages?minutes=12'])
  })

  it.each([
    [
      'as an extended text',
      entry({ typeMessage: 'extendedTextMessage', textMessage: undefined, extendedTextMessage: { text: 'Bonjour' } }),
    ],
    ['with white space gone', entry({ textMessage: ' Bonjour\n' })],
    ['without saying by whom', entry({ sendByApi: undefined })],
  ])('was taken when the journal has it %s', async (_, journal) => {
    expect(await attempt({ journal: [journal] }).reconcile(MINUTE_MS)).toEqual(receipt)
  })

  it('was taken when it waits in the queue', async () => {
    const waiting = (message: string, messageID: string) => ({
      messageID,
      type: 'sendMessage',
      body: { chatId: CHAT, message, linkPreview: true },
    })
    const { reconcile } = attempt({ queue: [waiting('Bonsoir', 'Q1'), waiting('Bonjour', 'Q2')], journal: unrelated })
    expect(await reconcile(MINUTE_MS)).toEqual({ providerMessageId: 'Q2' })
  })

  it.each<[string, Records]>([
    ['two equal texts went to the chat', { journal: [entry(), entry({ idMessage: 'BAE52' })] }],
    [
      'an equal text is in the queue and another in the journal',
      { queue: [{ messageID: 'Q', type: 'SendMessage', body: { chatId: CHAT, message: 'Bonjour' } }], journal: [entry()] },
    ],
    ['an equal text went out before the attempt', { journal: [entry({ timestamp: Math.floor(START / 1000) - 60 })] }],
    ['an equal text went out long after it', { journal: [entry({ timestamp: Math.floor(START / 1000) + 3_600 })] }],
    ['a text of the chat was edited', { journal: [entry({ textMessage: 'Bonsoir', isEdited: true })] }],
    ['an equal text went to a privacy id', { journal: [entry({ chatId: '100000000000001@lid' })] }],
    ['the queue is in a shape that nobody knows', { queue: [{ messageID: 'Q', type: 'new', body: {} }] }],
    [
      'an uploaded file is in the queue under the other method',
      {
        queue: [
          { messageID: 'Q', type: 'sendFileByUrl', body: { chatId: CHAT, fileName: 'a.pdf' } },
          { messageID: 'R', type: 'x', body: {} },
        ],
      },
    ],
    ['an equal text is in the queue without an id', { queue: [{ type: 'sendMessage', body: { chatId: CHAT, message: 'Bonjour' } }] }],
    ['the time of the journal makes no sense', { journal: [entry({ timestamp: 1e20 })] }],
    ['the queue is no list', { queue: { error: true } }],
    ['the journal is no journal', { journal: [{ idMessage: 1 }] }],
    ['the journal cannot be read', { journal: new Response('', { status: 500 }) }],
    ['the queue cannot be read', { queue: new Response('', { status: 401 }) }],
  ])('may or may not be taken: %s', async (_, records) => {
    const { reconcile } = attempt(records)
    for (const minutes of [1, 10, 60, 600]) expect(await reconcile(minutes * MINUTE_MS)).toBe('unknown')
  })

  it('was not sent when queue and journal stay without it for longer than the journal is late', async () => {
    const { reconcile } = attempt({ journal: unrelated })
    expect(await reconcile(10_000)).toBe('unknown')
    expect(await reconcile(60_000)).toBe('unknown')
    expect(await reconcile(60_000 + 170_000)).toBe('unknown')
    expect(await reconcile(60_000 + 180_000)).toBe('not-sent')
  })

  const oddElsewhere = [
    entry({ idMessage: 'X5', textMessage: 'Bonsoir', timestamp: 'soon' }),
    entry({ idMessage: null, chatId: '33639980002@c.us' }),
    entry({ idMessage: 'X6', chatId: 7, typeMessage: 'imageMessage', isEdited: 'no' }),
  ]

  it('is found among records that are odd and of other messages', async () => {
    expect(await attempt({ journal: [...oddElsewhere, entry()] }).reconcile(MINUTE_MS)).toEqual(receipt)
    expect(await attempt({ journal: [null, 'x', ...oddElsewhere, entry()] }).reconcile(MINUTE_MS)).toEqual(receipt)
    const waiting = { messageID: 'BAE51', type: 'sendMessage', body: { chatId: CHAT, message: 'Bonjour' } }
    const queue = [7, { type: 'sendMessage', messageID: 7, body: { chatId: '33639980002@c.us' } }, waiting]
    expect(await attempt({ queue }).reconcile(MINUTE_MS)).toEqual({ providerMessageId: 'BAE51' })
  })

  it('was not sent when only records that are odd and of other messages are there', async () => {
    const { reconcile } = attempt({ journal: oddElsewhere })
    expect(await reconcile(MINUTE_MS)).toBe('unknown')
    expect(await reconcile(10 * MINUTE_MS)).toBe('not-sent')
  })

  it.each([
    ['cannot be read', null],
    ['has no id', entry({ idMessage: null })],
    ['has no time', entry({ timestamp: null })],
    ['has no chat', entry({ chatId: null })],
  ])('may or may not be taken while a record that may be it %s', async (_, odd) => {
    const { reconcile } = attempt({ journal: [odd] })
    expect(await reconcile(MINUTE_MS)).toBe('unknown')
    expect(await reconcile(10 * MINUTE_MS)).toBe('unknown')
  })

  it('may or may not be taken however far a clock is set forward: the time that has passed counts', async () => {
    const { transport, clock } = attempt({ journal: unrelated })
    const message = outbound({ text: 'Bonjour' })
    const reconcile = (passedMs: number, aheadMs: number) => {
      clock.time = START + passedMs
      clock.aheadMs = aheadMs
      return transport.reconciler?.reconcile(message, { attemptedAt: isoInstant(START), elapsedMs: passedMs, ...running() })
    }
    expect(await reconcile(10_000, 0)).toBe('unknown')
    for (const aheadMs of [MINUTE_MS, 10 * MINUTE_MS, 600 * MINUTE_MS]) expect(await reconcile(70_000, aheadMs)).toBe('unknown')
    expect(await reconcile(260_000, 0)).toBe('not-sent')
  })

  it('is looked for in the journal of the whole day when the clock was set back', async () => {
    const { transport, clock, asked } = attempt({ journal: [entry()] })
    clock.aheadMs = -60 * MINUTE_MS
    const options = { attemptedAt: isoInstant(START), elapsedMs: 90_000, ...running() }
    expect(await transport.reconciler?.reconcile(outbound({ text: 'Bonjour' }), options)).toEqual(receipt)
    expect(asked).toEqual(['showMessagesQueue', 'lastOutgoingMessages?minutes=1450'])
  })

  it('may or may not be taken when it was more than a day ago', async () => {
    const { reconcile } = attempt({})
    for (const hours of [25, 26, 27]) expect(await reconcile(hours * 60 * MINUTE_MS)).toBe('unknown')
  })

  it('may have just left the queue, however long ago the attempt was', async () => {
    const { reconcile, records } = attempt({})
    expect(await reconcile(60 * MINUTE_MS)).toBe('unknown')
    records.journal = [entry()]
    expect(await reconcile(62 * MINUTE_MS)).toEqual(receipt)
  })

  it('is not taken for another message of ours with the same text', async () => {
    const { reconcile, records } = attempt({ journal: [entry({ idMessage: 'KNOWN' })] })
    const others = new Set(['KNOWN'])
    expect(await reconcile(5 * MINUTE_MS, others)).toBe('unknown')
    expect(await reconcile(10 * MINUTE_MS, others)).toBe('not-sent')
    records.journal = [entry({ idMessage: 'KNOWN' }), entry()]
    expect(await reconcile(11 * MINUTE_MS, others)).toEqual(receipt)
    expect(await reconcile(11 * MINUTE_MS)).toBe('unknown')
    records.queue = [{ messageID: 'KNOWN', type: 'sendMessage', body: { chatId: CHAT, message: 'Bonjour' } }]
    records.journal = []
    expect(await reconcile(12 * MINUTE_MS, others)).toBe('unknown')
    expect(await reconcile(16 * MINUTE_MS, others)).toBe('not-sent')
  })

  it('is looked for anew at each attempt: what was seen of the one before says nothing', async () => {
    const { transport, clock } = attempt({})
    const message = outbound({ text: 'Bonjour' })
    const reconcile = (attemptedMs: number, laterMs: number) => {
      clock.time = START + laterMs
      return transport.reconciler?.reconcile(message, { attemptedAt: isoInstant(START + attemptedMs), ...running() })
    }
    // Another instance settles the first attempt and makes a second one.
    expect(await reconcile(0, 2 * MINUTE_MS)).toBe('unknown')
    expect(await reconcile(6 * MINUTE_MS, 7 * MINUTE_MS)).toBe('unknown')
    expect(await reconcile(6 * MINUTE_MS, 9 * MINUTE_MS)).toBe('unknown')
    expect(await reconcile(6 * MINUTE_MS, 10 * MINUTE_MS)).toBe('not-sent')
  })

  it('shares one reading of queue and journal with all who ask meanwhile', async () => {
    const { reconcile, asked } = attempt({ journal: [entry()] })
    const found = await Promise.all([reconcile(MINUTE_MS), reconcile(MINUTE_MS), reconcile(9 * MINUTE_MS), reconcile(MINUTE_MS)])
    expect(found).toEqual([receipt, receipt, receipt, receipt])
    expect(asked).toEqual(['showMessagesQueue', 'lastOutgoingMessages?minutes=19'])
  })

  it.each<[string, MessageContent, object, 'same' | 'unclear' | 'other']>([
    [
      'an uploaded file',
      { media: [{ kind: 'document', ref: 'a', fileName: 'a.pdf' }] },
      { typeMessage: 'documentMessage', fileName: 'a.pdf' },
      'same',
    ],
    [
      'a file',
      { media: [{ kind: 'document', url: 'https://files.example.com/a.pdf' }] },
      { typeMessage: 'documentMessage', fileName: 'a.pdf', caption: '' },
      'same',
    ],
    [
      'a file with another name',
      { media: [{ kind: 'document', url: 'https://files.example.com/a.pdf' }] },
      { typeMessage: 'documentMessage', fileName: 'b.pdf' },
      'other',
    ],
    [
      'a picture without a name',
      { text: 'x', media: [{ kind: 'image', url: 'https://files.example.com/a.jpg' }] },
      { typeMessage: 'imageMessage', caption: 'x' },
      'unclear',
    ],
    [
      'a place',
      { location: { latitude: 48.85, longitude: 2.35 } },
      { typeMessage: 'locationMessage', location: { latitude: 48.850001, longitude: 2.35 } },
      'same',
    ],
    [
      'another place',
      { location: { latitude: 48.85, longitude: 2.35 } },
      { typeMessage: 'locationMessage', location: { latitude: 48.86, longitude: 2.35 } },
      'other',
    ],
    [
      'a poll',
      { poll: { question: 'Quand ?', options: ['a', 'b'] } },
      { typeMessage: 'pollMessage', pollMessageData: { name: 'Quand ?' } },
      'same',
    ],
    ['a contact', { contacts: [{ vcard: 'TEL:+33639980002' }] }, { typeMessage: 'contactMessage' }, 'unclear'],
    ['buttons', { buttons: { body: 'x', items: [{ title: 'a' }] } }, { typeMessage: 'interactiveButtonsReply' }, 'unclear'],
  ])('is told by its content: %s', async (_, content, over, sameness) => {
    const { reconcile } = attempt({ journal: [entry({ textMessage: undefined, ...over })] }, content)
    expect(await reconcile(6 * MINUTE_MS)).toEqual(sameness === 'same' ? receipt : 'unknown')
    expect(await reconcile(10 * MINUTE_MS)).toEqual({ same: receipt, unclear: 'unknown', other: 'not-sent' }[sameness])
  })
})

it('finds what a real HTTP peer took, in the queue and then in the journal', async () => {
  const greenApi = await simulatedInstance({ state: 'notAuthorized' })
  try {
    const transport = transportTo(greenApi, { timeoutMs: 2_000 })
    const attemptedAt = isoInstant(Date.now())
    const message = outbound({ text: 'Bonjour' })
    greenApi.fault({ on: 'sendMessage', do: 'accept-then-drop' })
    await expect(transport.send(message, running())).rejects.toMatchObject({ code: 'send_uncertain' })
    const found = await transport.reconciler?.reconcile(message, { attemptedAt, ...running() })
    expect(found).toEqual({ providerMessageId: expect.stringMatching(/^BAE5/) })
    greenApi.setState('authorized')
    await expect
      .poll(() => transport.reconciler?.reconcile(message, { attemptedAt, ...running() }), { timeout: 5_000 })
      .toEqual({ ...(found as object), occurredAt: expect.any(String) })
  } finally {
    await greenApi.close()
  }
})
