import { type MessageContent, type OutboundMessage, parseContactAddress } from '@pipe-comms/core'
import type { GreenApiSimulator } from '@pipe-comms/simulators'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { outbound, running, simulatedInstance, transportTo } from '../testing/simulator.ts'

const CHAT = '33639980001@c.us'
let greenApi: GreenApiSimulator

beforeEach(async () => {
  greenApi = await simulatedInstance({ state: 'notAuthorized' })
})
afterEach(() => greenApi.close())

const send = (content: MessageContent, over: Partial<OutboundMessage> = {}) =>
  transportTo(greenApi).send(outbound(content, over), running())
/** The calls that wait in the instance's queue, as it got them. */
const queued = async () => {
  const response = await fetch(`${greenApi.url}/waInstance${greenApi.idInstance}/showMessagesQueue/${greenApi.apiToken}`)
  return (await response.json()) as { type: string; body: Record<string, unknown> }[]
}
const VCARD =
  'BEGIN:VCARD\nVERSION:3.0\nN:Martin;Alex;;;\nFN:Alex Martin\nORG:Example\\, Inc;Sales\nTEL;TYPE=CELL;waid=33639980002:+33 6 39 98\n  00 02\nEND:VCARD'
const url = 'https://files.example.com/devis.pdf?x=1'
const buttons = (items: NonNullable<MessageContent['buttons']>['items']) => ({ buttons: { body: 'Mardi ?', items } })

describe('content that WhatsApp carries', () => {
  it.each<[string, MessageContent, Partial<OutboundMessage>, string, object]>([
    ['a text', { text: 'Bonjour' }, {}, 'sendMessage', { message: 'Bonjour' }],
    ['an answer', { text: 'Oui' }, { replyToProviderMessageId: '3EB0' }, 'sendMessage', { message: 'Oui', quotedMessageId: '3EB0' }],
    [
      'an answer, as content',
      { text: 'Oui', quoted: { providerMessageId: '3EB0' } },
      {},
      'sendMessage',
      { message: 'Oui', quotedMessageId: '3EB0' },
    ],
    [
      'a text with options',
      { text: 'x' },
      { options: { typingTime: 2_000, linkPreview: false, typePreview: 'small' } },
      'sendMessage',
      { message: 'x', typingTime: 2_000, linkPreview: false, typePreview: 'small' },
    ],
    ['a file by URL', { media: [{ kind: 'document', url }] }, {}, 'sendFileByUrl', { urlFile: url, fileName: 'devis.pdf' }],
    [
      'a voice note with its recording time',
      { media: [{ kind: 'voice', url: 'https://files.example.com/1', mimeType: 'audio/ogg; codecs=opus' }] },
      { options: { typingTime: 1_000, typingType: 'recording' } },
      'sendFileByUrl',
      { urlFile: 'https://files.example.com/1', fileName: 'voice.ogg', typingTime: 1_000, typingType: 'recording' },
    ],
    [
      'a picture with its caption',
      { text: 'Voici', media: [{ kind: 'image', url, fileName: 'a.jpg' }] },
      {},
      'sendFileByUrl',
      { urlFile: url, fileName: 'a.jpg', caption: 'Voici' },
    ],
    [
      'a place',
      { location: { latitude: 48.85, longitude: 2.35, name: 'Paris', address: '1 rue X' } },
      {},
      'sendLocation',
      { latitude: 48.85, longitude: 2.35, nameLocation: 'Paris', address: '1 rue X' },
    ],
    [
      'a contact',
      { contacts: [{ displayName: 'Alex', vcard: VCARD }] },
      {},
      'sendContact',
      { contact: { phoneContact: 33639980002, firstName: 'Alex', lastName: 'Martin', company: 'Example, Inc' } },
    ],
    [
      'a poll',
      { poll: { question: 'Quand ?', options: ['mardi', 'jeudi'], multipleAnswers: true } },
      {},
      'sendPoll',
      { message: 'Quand ?', options: [{ optionName: 'mardi' }, { optionName: 'jeudi' }], multipleAnswers: true },
    ],
    [
      'buttons that answer',
      buttons([{ title: 'oui', kind: 'reply', id: 'y' }, { title: 'non' }]),
      {},
      'sendInteractiveButtonsReply',
      {
        body: 'Mardi ?',
        buttons: [
          { buttonId: 'y', buttonText: 'oui' },
          { buttonId: '2', buttonText: 'non' },
        ],
      },
    ],
    [
      'buttons that act',
      buttons([
        { title: 'site', kind: 'url', value: 'https://example.com' },
        { title: 'appeler', kind: 'call', value: '+33639980002' },
        { title: 'code', kind: 'copy', value: 'A1' },
      ]),
      {},
      'sendInteractiveButtons',
      {
        body: 'Mardi ?',
        buttons: [
          { type: 'url', buttonId: '1', buttonText: 'site', url: 'https://example.com' },
          { type: 'call', buttonId: '2', buttonText: 'appeler', phoneNumber: '+33639980002' },
          { type: 'copy', buttonId: '3', buttonText: 'code', copyCode: 'A1' },
        ],
      },
    ],
  ])('%s', async (_, content, over, type, body) => {
    const receipt = await send(content, over)
    expect(await queued()).toEqual([{ messageID: receipt.providerMessageId, type, body: { chatId: CHAT, ...body } }])
  })

  it('a message that is passed on', async () => {
    const idMessage = greenApi.lead('33639980002').writes('Bonjour')
    const chat = parseContactAddress('33639980002@c.us')
    const { providerMessageId } = await send({ forwardOf: { providerMessageId: idMessage, chat } })
    expect(await queued()).toEqual([
      {
        messagesIDs: [providerMessageId],
        type: 'ForwardMessages',
        body: { chatId: CHAT, chatIdFrom: '33639980002@c.us', messages: [idMessage] },
      },
    ])
  })

  it('a file that its owner opens, with what Green-API says of it', async () => {
    const openMedia = async () => ({ stream: new Blob(['the bytes']).stream(), sizeBytes: 9 })
    const media = [{ kind: 'document', ref: 'quotes/1', fileName: 'devis "é".pdf', mimeType: 'application/pdf', caption: 'Voici' }] as const
    const receipt = await send({ media: [...media] }, { openMedia, replyToProviderMessageId: '3EB0' })
    expect(await queued()).toMatchObject([
      { type: 'sendFileByUpload', body: { chatId: CHAT, fileName: 'devis "é".pdf', caption: 'Voici', quotedMessageId: '3EB0' } },
    ])
    expect(await (await fetch(receipt.extra?.urlFile as string)).text()).toBe('the bytes')
  })
})

describe('content that WhatsApp cannot carry is refused before any call', () => {
  const file = { kind: 'image', url: 'https://files.example.com/a.jpg' } as const
  it.each<[string, MessageContent, Partial<OutboundMessage>, string]>([
    ['nothing', {}, {}, 'expected a text of 1 to 20000 characters, got 0'],
    ['a text that is too long', { text: 'x'.repeat(20_001) }, {}, 'got 20001'],
    ['a subject', { text: 'x', subject: 'y' }, {}, 'expected a WhatsApp message of text, got also subject'],
    ['a text beside a place', { text: 'x', location: { latitude: 1, longitude: 1 } }, {}, 'got also text'],
    ['a list', { text: 'x', list: { sections: [] } }, {}, 'got also list'],
    ['two files', { media: [file, file] }, {}, 'holds one file, got 2'],
    [
      'a caption on a voice note',
      { media: [{ kind: 'voice', url, mimeType: 'audio/ogg', caption: 'y' }] },
      {},
      'expected no words with voice',
    ],
    [
      'a text beside a sticker',
      { text: 'x', media: [{ kind: 'sticker', url, mimeType: 'image/webp' }] },
      {},
      'expected no words with sticker',
    ],
    ['a value on a button that answers', buttons([{ title: 'Mardi', value: '1' }]), {}, 'expected no value on button 1'],
    ['a caption and a text', { text: 'x', media: [{ ...file, caption: 'y' }] }, {}, 'got both'],
    ['a file over 100 MB', { media: [{ ...file, sizeBytes: 104_857_601 }] }, {}, 'expected a file of at most 104857600 bytes'],
    [
      'a file of no kind',
      { media: [{ kind: 'document', url: 'https://files.example.com/a' }] },
      {},
      'expected a fileName with an extension',
    ],
    ['a file that nobody can open', { media: [{ kind: 'image', ref: 'a', fileName: 'a.jpg' }] }, {}, 'one that can be opened'],
    ['a file with a local URL', { media: [{ kind: 'image', url: 'file:///etc/a.jpg' }] }, {}, 'an http or https URL'],
    ['two contacts', { contacts: [{ vcard: VCARD }, { vcard: VCARD }] }, {}, 'holds one contact, got 2'],
    ['a contact without a number', { contacts: [{ displayName: 'Alex', vcard: 'TEL:06' }] }, {}, 'international phone number'],
    ['a poll with one option', { poll: { question: 'x', options: ['a'] } }, {}, '2 to 12 different options'],
    ['a poll with equal options', { poll: { question: 'x', options: ['a', 'a'] } }, {}, '2 to 12 different options'],
    ['four buttons', buttons([1, 2, 3, 4].map((n) => ({ title: `${n}` }))), {}, '1 to 3 buttons, got 4'],
    ['buttons of both sorts', buttons([{ title: 'a' }, { title: 'b', kind: 'url', value: 'https://example.com' }]), {}, 'got both'],
    ['a button that does nothing', buttons([{ title: 'b', kind: 'url' }]), {}, 'expected what button 1 is to url'],
    ['an unknown option', { text: 'x' }, { options: { typo: 1 } }, 'typo'],
    ['a typing time that is too short', { text: 'x' }, { options: { typingTime: 1 } }, 'options.typingTime'],
    [
      'an option of another method',
      { poll: { question: 'x', options: ['a', 'b'] } },
      { options: { typingTime: 1_000 } },
      'takes no option typingTime',
    ],
    ['an e-mail address', { text: 'x' }, { to: parseContactAddress('a@example.com') }, 'got email'],
    ['a newsletter', { text: 'x' }, { to: parseContactAddress('1@newsletter') }, 'got broadcast'],
    [
      'a forward that answers',
      { forwardOf: { providerMessageId: 'A', chat: parseContactAddress('+33639980002') } },
      { replyToProviderMessageId: 'B' },
      'cannot be an answer',
    ],
  ])('%s', async (_, content, over, reason) => {
    const error = await send(content, over).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'send_rejected', failure: expect.stringMatching(/^(content|recipient)$/) })
    expect((error as Error).message).toContain(reason)
    expect(greenApi.calls).toEqual({})
  })
})

describe('the rate limit of sendMessage', () => {
  it('is kept: the 51st message of a second waits, and one that is stopped meanwhile is certainly not sent', async () => {
    const waits: number[] = []
    const stop = new AbortController()
    const transport = transportTo(greenApi, {
      clock: { now: () => 0, monotonic: () => 0 },
      sleep: async (ms) => {
        waits.push(ms)
        stop.abort()
      },
    })
    for (let index = 0; index < 50; index += 1) await transport.send(outbound({ text: `${index}` }), running())
    expect(waits).toEqual([])
    await expect(transport.send(outbound({ text: 'x' }), { signal: stop.signal })).rejects.toMatchObject({ code: 'send_unavailable' })
    expect(waits).toEqual([1_000])
    expect(greenApi.calls).toEqual({ 'sendMessage 200': 50 })
  })
})
