import type { LeadDirectory } from '@pipe-comms/core'
import { leadDirectoryConformance } from '@pipe-comms/core/conformance'
import { espoCrmSimulator } from '@pipe-comms/simulators'
import { describe, it } from 'vitest'
import { espoCrmDirectory } from './index.ts'
import { registerEspoCrmWebhooks } from './webhook/register.ts'

const API_KEY = 'api-key-for-tests'
const SECRET_KEY = 'secret-key-for-tests'
const URL_OF_CRM = 'https://crm.example.com'

/** EspoCRM's local peer, asked without a network. */
async function subject({ secretKey, localIndex = false }: { secretKey?: string; localIndex?: boolean }) {
  const stop = new AbortController()
  const delivered: Request[] = []
  const crm = espoCrmSimulator({
    apiKey: API_KEY,
    ...(secretKey ? { secretKey } : {}),
    fetch: async (url, init) => {
      delivered.push(new Request(url as string, init))
      return new Response()
    },
  })
  const connection = {
    url: URL_OF_CRM,
    apiKey: API_KEY,
    ...(secretKey ? { secretKey } : {}),
    fetch: (url: string | URL | Request, init?: RequestInit) => {
      init?.signal?.throwIfAborted()
      return crm.fetch(new Request(url, init))
    },
  }
  const events = ['Lead.create', 'Lead.update', 'Lead.delete']
  const webhooks = await registerEspoCrmWebhooks(connection, { publicUrl: 'https://comms.example.com', events })
  const directory = espoCrmDirectory({ ...connection, webhooks, localIndex })
  /** The webhooks come in, and the index knows what the CRM knows. */
  const tell = async () => {
    await crm.processWebhooks()
    for (const request of delivered.splice(0)) {
      const webhook = directory.changes?.webhooks.find(({ path }) => request.url.endsWith(path))
      const { method, url, headers } = request
      await webhook?.changed({ method, url, headers, body: new Uint8Array(await request.arrayBuffer()) }, { signal: stop.signal })
    }
  }
  const told = async (id: string) => {
    delivered.length = 0
    crm.update('Lead', id, { status: 'Assigned' })
    await crm.processWebhooks()
    return delivered.find(({ url }) => url.endsWith('/Lead.update')) as Request
  }
  const forged = (headers: (genuine: Headers) => Record<string, string>) => async (id: string) => {
    const genuine = await told(id)
    return new Request(genuine.url, { method: 'POST', body: await genuine.text(), headers: headers(genuine.headers) })
  }
  const watching = directory.changes?.watch?.({ signal: stop.signal, onChanged: () => {} })
  return {
    directory,
    add: async ({ name, addresses }: { name: string; addresses: readonly string[] }) => {
      const phoneNumbers = addresses.filter((held) => !held.includes('@'))
      const emailAddresses = addresses.filter((held) => held.includes('@'))
      const id = crm.create('Lead', { name, phoneNumbers, emailAddresses })
      if (localIndex) await tell()
      return id
    },
    failing: (how: 'unavailable' | 'misconfigured'): LeadDirectory =>
      espoCrmDirectory(
        how === 'unavailable'
          ? { ...connection, fetch: async () => new Response(`<h1>${API_KEY}</h1>`, { status: 502 }) }
          : { ...connection, apiKey: `${API_KEY}-wrong` },
      ),
    secrets: [API_KEY, ...(secretKey ? [secretKey] : []), ...Object.values(webhooks).map((webhook) => webhook.secretKey)],
    webhook: {
      told,
      forged: [
        forged(() => ({})),
        forged(() => ({ signature: '' })),
        forged(() => ({ signature: btoa('1:0000') })),
        forged((genuine) => ({ signature: `${genuine.get('signature')?.slice(0, -4)}AAAA` })),
        forged((genuine) => ({ signature: genuine.get('x-signature') ?? '' })),
      ],
    },
    dispose: async () => {
      stop.abort()
      await watching
    },
  }
}

leadDirectoryConformance('EspoCRM', () => subject({}), { runner: { describe, it } })
leadDirectoryConformance('EspoCRM with HMAC', () => subject({ secretKey: SECRET_KEY }), { runner: { describe, it } })
leadDirectoryConformance('EspoCRM with a local index', () => subject({ localIndex: true }), { runner: { describe, it } })
