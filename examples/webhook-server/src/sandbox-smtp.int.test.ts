import { parseContactAddress } from '@pipe-comms/core'
import { smtpTransport } from '@pipe-comms/transport-smtp'
import { expect, it } from 'vitest'
import { startSandboxSmtp } from './sandbox-smtp.ts'

it('takes mail over TLS with a login, keeps it here and shows it', async () => {
  const { simulator, options } = await startSandboxSmtp()
  const transport = smtpTransport(options)
  const content = { subject: 'Devis <1>', text: 'Bonjour' }
  await transport.send(
    { messageId: 'm-1', to: parseContactAddress('camille@example.org'), content },
    { signal: new AbortController().signal },
  )
  expect(simulator.inbox.messages[0]).toMatchObject({ secure: true, user: 'sales@example.com', to: ['camille@example.org'] })
  expect(await (await fetch(simulator.inboxUrl as string)).text()).toContain('<h2>Devis &lt;1&gt;</h2>')
  expect(await transport.probe?.check({ signal: new AbortController().signal })).toEqual([])
  await transport.close()
  await simulator.close()
})
