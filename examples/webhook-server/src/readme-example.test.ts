import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openLog } from './readme-example.ts'

it('is the code of the README, word for word, and works', async () => {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
  const source = await readFile(new URL('./readme-example.ts', import.meta.url), 'utf8')
  expect(readme).toContain(`\`\`\`ts\n${source}\`\`\``)

  const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-readme-'))
  const { comms, history } = await openLog(dir, 'webhook-token-for-tests')
  const notification = {
    typeWebhook: 'incomingMessageReceived',
    instanceData: { idInstance: 7105000001, wid: '33639980010@c.us' },
    timestamp: 1_767_697_200,
    idMessage: 'A1',
    senderData: { chatId: '33639980001@c.us' },
    messageData: { typeMessage: 'textMessage', textMessageData: { textMessage: 'Bonjour' } },
  }
  const request = new Request('https://comms.example.com/webhooks/greenapi', {
    method: 'POST',
    headers: { authorization: 'Bearer webhook-token-for-tests' },
    body: JSON.stringify(notification),
  })
  expect((await comms.handle(request)).status).toBe(200)
  expect(await history('+33639980001')).toEqual(['2026-01-06T11:00:00.000Z Bonjour'])
  await comms.close()
  await rm(dir, { recursive: true })
})
