import { readFile } from 'node:fs/promises'
import { CommsError, memoryEventStore, type Transport } from '@pipe-comms/core'
import { expect, it } from 'vitest'
import { openSending } from './readme-sending.ts'

it('is the code of the README of core, word for word, and works', async () => {
  const readme = await readFile(new URL('../../../packages/comms-core/README.md', import.meta.url), 'utf8')
  const source = await readFile(new URL('./readme-sending.ts', import.meta.url), 'utf8')
  expect(readme).toContain(`\`\`\`ts\n${source}\`\`\``)

  const sent: string[] = []
  const transport = (channel: string, refuses: boolean): Transport => ({
    id: channel,
    channel,
    account: 'account-1',
    send: async ({ messageId, to }) => {
      if (refuses) throw new CommsError('send_rejected', `${to.value} is not on ${channel}`, { failure: 'recipient' })
      sent.push(`${channel} ${to.value}`)
      return { providerMessageId: `p-${messageId}` }
    },
  })
  const { comms, remind } = openSending(memoryEventStore(), transport('whatsapp', true), transport('sms', false))
  const first = await remind('7', '06 39 98 00 01')
  expect(first).toMatchObject({ status: 'failed', failure: { class: 'recipient' } })
  expect((await remind('7', '06 39 98 00 01')).messageId).toBe(first.messageId)
  await expect.poll(async () => (await comms.message(`${first.messageId}.next`))?.status).toBe('sent')
  expect(sent).toEqual(['sms +33639980001'])
  await comms.close()
})
