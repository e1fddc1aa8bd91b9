import { registerEspoCrmWebhooks } from '@pipe-comms/leads-espocrm'
import { type EspoCrmSimulator, espoCrmSimulator, serveEspoCrm } from '@pipe-comms/simulators'
import type { Config } from './config.ts'

/** The CRM that leads are looked up in. */
export type EspoCrmAccess = Pick<Config['espoCrm'], 'url' | 'apiKey' | 'secretKey' | 'webhooks'>

export interface SandboxEspoCrm {
  readonly access: EspoCrmAccess
  /** What the CRM's webhooks call. */
  deliverTo(handle: (request: Request) => Promise<Response>): void
  close(): Promise<void>
}

export const SANDBOX_CRM_KEY = 'sandbox-espocrm-key'
const EVENTS = ['Lead.create', 'Lead.update', 'Contact.create', 'Contact.update', 'Account.create', 'Account.update']
/** The real one sends its webhooks every five minutes. */
const WEBHOOKS_EVERY_MS = 2_000

/** An EspoCRM on loopback with a few leads, for a server that has none configured. */
export async function openSandboxEspoCrm(): Promise<SandboxEspoCrm> {
  let handle: ((request: Request) => Promise<Response>) | undefined
  const crm = espoCrmSimulator({
    apiKey: SANDBOX_CRM_KEY,
    fetch: async (url, init) => handle?.(new Request(url as string, init)) ?? new Response(null, { status: 503 }),
  })
  fill(crm)
  const server = await serveEspoCrm(crm)
  const webhooks = await registerEspoCrmWebhooks(
    { url: server.url, apiKey: SANDBOX_CRM_KEY },
    { publicUrl: 'http://sandbox.invalid', events: EVENTS },
  )
  const job = setInterval(() => void crm.processWebhooks(), WEBHOOKS_EVERY_MS)
  job.unref()
  return {
    access: { url: server.url, apiKey: SANDBOX_CRM_KEY, secretKey: undefined, webhooks },
    deliverTo: (told) => {
      handle = told
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
