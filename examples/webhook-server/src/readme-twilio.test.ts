import { readFile } from 'node:fs/promises'
import { memoryEventStore } from '@pipe-comms/core'
import { startTwilioSimulator } from '@pipe-comms/simulators'
import { expect, it } from 'vitest'
import { openTwilio } from './readme-twilio.ts'

it('is the code of the Twilio README, word for word, and works', async () => {
  const readme = await readFile(new URL('../../../packages/transport-twilio/README.md', import.meta.url), 'utf8')
  const source = await readFile(new URL('./readme-twilio.ts', import.meta.url), 'utf8')
  expect(readme).toContain(`\`\`\`ts\n${source}\`\`\``)

  const store = memoryEventStore()
  const { url, account, receive, close } = await startTwilioSimulator()
  const { comms, recover } = openTwilio(store, { accountSid: account.sid, authToken: account.authToken, apiUrl: url })
  await receive({ from: '+33639980001', body: 'Bonjour' })
  for (let turn = 0; turn < 2; turn += 1) await recover(new Date(Date.now() - 60_000))
  const texts: unknown[] = []
  for await (const event of store.readStream('sms:+33639980001')) texts.push(event.data)
  expect(texts).toEqual([{ text: 'Bonjour' }])
  await comms.close()
  await close()
})
