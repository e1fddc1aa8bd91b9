import { createComms, memoryEventStore } from '@pipe-comms/core'
import { expect, it } from 'vitest'
import { greenApiTransport } from '../index.ts'
import { ID_INSTANCE, messageStatus } from '../testing/notifications.ts'

const TOKEN = 'webhook-token-for-tests'

it.each([
  ['the chat that it was sent to', '+33639980001', '33639980001@c.us'],
  ['a Brazilian number without its 9', '+5531987654321', '553187654321@c.us'],
  ['a privacy id', '+33639980001', '203040506070809@lid'],
])('a status that names %s reaches the message, before and after the answer to the send call', async (_, to, chatId) => {
  const idMessage = 'BAE5000000000001'
  const store = memoryEventStore()
  const greenApi = greenApiTransport({ idInstance: ID_INSTANCE, apiToken: 'a'.repeat(50), webhookToken: TOKEN })
  const post = async (status: string) => {
    const request = new Request('https://comms.example.com/webhooks/greenapi', {
      method: 'POST',
      body: JSON.stringify(messageStatus(idMessage, status, { chatId })),
      headers: { authorization: `Bearer ${TOKEN}` },
    })
    expect((await comms.handle(request)).status).toBe(200)
  }
  const send = async () => {
    await post('sent')
    return { providerMessageId: idMessage }
  }
  const comms = createComms({ store, transports: [{ ...greenApi, send }] })
  comms.start()
  const { messageId } = await comms.send({ channel: 'whatsapp', to, content: { text: 'Bonjour' } }, { waitFor: 'sent' })
  await post('delivered')
  const types = ['message.requested', 'message.attempted', 'message.sent', 'message.sent', 'message.delivered']
  // The outbox points to a report in another stream a moment after it reads it.
  await expect.poll(async () => (await comms.message(messageId))?.events.map(({ type }) => type).sort()).toEqual(types.sort())
  const message = await comms.message(messageId)
  expect(message?.status).toBe('delivered')
  // One message has one id in the log once it is known.
  expect(message?.events.at(-1)).toMatchObject({ messageId, streamId: `whatsapp:${to}` })
  expect(await comms.conversations()).toHaveLength(1)
  await comms.close()
})
