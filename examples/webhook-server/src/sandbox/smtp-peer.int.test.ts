import { parseContactAddress } from '@pipe-comms/core'
import { expect, it } from 'vitest'
import { loadConfig } from '../config.ts'
import { openTransports } from '../transports.ts'
import { smtpPeer } from './smtp-peer.ts'

it('takes mail over TLS with a login, keeps it here and shows it', async () => {
  const peer = await smtpPeer(loadConfig({}))
  const transport = openTransports(peer.config).find(({ channel }) => channel === 'email')
  const { signal } = new AbortController()
  const content = { subject: 'Devis <1>', text: 'Bonjour' }
  await transport?.send({ messageId: 'm-1', to: parseContactAddress('camille@example.org'), content }, { signal })
  const inboxUrl = peer.line.match(/http\S+/)?.[0] as string
  const shown = await (await fetch(inboxUrl)).text()
  expect(shown).toContain('<h2>Devis &lt;1&gt;</h2>')
  expect(shown).toContain('camille@example.org')
  expect(await transport?.probe?.check({ signal })).toEqual([])
  await transport?.close?.()
  await peer.close()
})
