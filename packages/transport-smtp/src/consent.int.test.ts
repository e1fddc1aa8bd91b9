import { type Comms, createComms, type EventStore, idempotencyKey, memoryEventStore } from '@pipe-comms/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { complaint, junkMailReport } from './testing/mails.ts'
import { type Pair, startPair } from './testing/start-transport.ts'

const TOKEN = 'inbound-token-for-tests'
let pair: Pair
let store: EventStore
let comms: Comms

beforeEach(async () => {
  store = memoryEventStore()
  pair = await startPair({
    inboundToken: TOKEN,
    unsubscribe: { mailto: 'leave@example.com' },
    recipientOf: async (messageId) => (await store.find(idempotencyKey('request', messageId)))?.contact,
  })
  comms = createComms({ store, transports: [pair.transport] })
  comms.start()
})
afterEach(async () => {
  await comms.close()
  await pair.close()
})

const send = () =>
  comms.send(
    { channel: 'email', to: 'camille@example.org', content: { subject: 'Devis', text: 'Bonjour' } },
    { waitFor: 'sent', timeoutMs: 10_000 },
  )
const post = async (mail: string) => {
  const response = await comms.handle(
    new Request('https://comms.example.com/webhooks/smtp/inbound', {
      method: 'POST',
      body: mail,
      headers: { authorization: `Bearer ${TOKEN}` },
    }),
  )
  expect(response.status).toBe(200)
}
const about = (messageId: string) => [`Message-ID: <${messageId}@example.com>`]

describe('a contact is still written to after', () => {
  it.each([
    ['a DMARC failure report', complaint({ kind: 'auth-failure' })],
    ['a complaint without a message of ours', complaint({ original: [] })],
    ['a complaint with an invented Message-ID', complaint({ original: about('msg_invented') })],
    [
      'an opt-out that somebody else wrote in their name',
      'From: camille@example.org\r\nTo: leave@example.com\r\nSubject: unsubscribe\r\nMessage-ID: <forged@example.net>\r\n\r\n',
    ],
  ])('%s', async (_, mail) => {
    await post(mail)
    expect((await send()).status).toBe('sent')
  })
})

describe('a contact is not written to after', () => {
  it('a complaint about a message that was sent to them', async () => {
    const { messageId } = await send()
    await post(complaint({ original: about(messageId) }))
    await expect(send()).rejects.toMatchObject({
      code: 'send_rejected',
      failure: 'policy',
      message: expect.stringContaining('has opted out'),
    })
  })

  it('a complaint of Outlook.com about it', async () => {
    const { messageId } = await send()
    await post(junkMailReport(about(messageId)))
    await expect(send()).rejects.toMatchObject({
      code: 'send_rejected',
      failure: 'policy',
      message: expect.stringContaining('has opted out'),
    })
  })

  it('a mail to the address in its List-Unsubscribe', async () => {
    await send()
    const headers = pair.simulator.inbox.messages.at(-1)?.mail.headerLines ?? []
    const line = headers.find(({ key }) => key === 'list-unsubscribe')?.line ?? ''
    const url = new URL(/<(mailto:[^>]+)>/.exec(line)?.[1] ?? '')
    const subject = url.searchParams.get('subject')
    await post(`From: x@example.net\r\nTo: ${url.pathname}\r\nSubject: ${subject}\r\nMessage-ID: <u@example.net>\r\n\r\n`)
    await expect(send()).rejects.toMatchObject({
      code: 'send_rejected',
      failure: 'policy',
      message: expect.stringContaining('has opted out'),
    })
  })
})
