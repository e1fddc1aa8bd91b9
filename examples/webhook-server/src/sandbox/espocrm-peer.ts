import { randomBytes } from 'node:crypto'
import { registerEspoCrmWebhooks } from '@pipe-comms/leads-espocrm'
import type { EspoCrmSimulator } from '@pipe-comms/simulators'
import type { Config } from '../config.ts'
import type { Peer } from './peer.ts'

const EVENTS = ['Lead.create', 'Lead.update', 'Contact.create', 'Contact.update', 'Account.create', 'Account.update']
/** The real one sends its webhooks every five minutes. */
const WEBHOOKS_EVERY_MS = 2_000
/** Where its webhooks are registered to go, before it is known where the server listens. */
const PUBLIC_URL = 'http://sandbox.invalid'

const LATE_LEAD = { name: 'Sacha Durand', phoneNumber: '06 39 98 00 50' }

/** An EspoCRM with a few leads. */
export async function espoCrmPeer(config: Config): Promise<Peer> {
  const { espoCrmSimulator, serveEspoCrm } = await import('@pipe-comms/simulators')
  const apiKey = randomBytes(16).toString('hex')
  let target: string | undefined
  const crm = espoCrmSimulator({
    apiKey,
    fetch: async (url, init) =>
      target === undefined ? new Response(null, { status: 503 }) : fetch(String(url).replace(PUBLIC_URL, target), init),
  })
  fill(crm)
  const server = await serveEspoCrm(crm)
  const webhooks = await registerEspoCrmWebhooks({ url: server.url, apiKey }, { publicUrl: PUBLIC_URL, events: EVENTS })
  const job = setInterval(() => void crm.processWebhooks(), WEBHOOKS_EVERY_MS)
  job.unref()
  return {
    config: { ...config, espoCrm: { url: server.url, apiKey, secretKey: undefined, webhooks } },
    line: `EspoCRM      sandbox: a few leads at ${server.url}; Camille Moreau holds 06 39 98 00 01`,
    hints: [
      {
        title: 'The simulated CRM: a lead is entered, and what the number wrote before is its history',
        line: `curl -s -X POST ${server.url}/api/v1/Lead -H "X-Api-Key: ${apiKey}" -H "Content-Type: application/json" -d '${JSON.stringify(LATE_LEAD)}'`,
      },
    ],
    connect: (serverUrl) => {
      target = serverUrl
    },
    close: async () => {
      clearInterval(job)
      await server.close()
    },
  }
}

/** As people write them: each finds its way to the number that a provider sends. */
function fill(crm: EspoCrmSimulator): void {
  crm.create('Lead', { name: 'Camille Moreau', phoneNumber: '06 39 98 00 01', emailAddress: 'camille@example.com' })
  crm.create('Lead', { name: 'Alex Martin', phoneNumbers: ['+33 6 39 98 00 02', '+12025550102'], emailAddress: 'Alex@Example.com' })
  crm.create('Contact', { name: 'Dominique Petit', phoneNumber: '+33639980003', emailAddress: 'dominique@example.com' })
  crm.create('Account', { name: 'Example SARL', phoneNumber: '+33639980090', emailAddress: 'contact@example.com' })
}
