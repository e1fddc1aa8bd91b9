import { CommsError } from '@pipe-comms/core'
import { z } from 'zod'
import { callApi } from '../api/call.ts'
import { checkConnection, type EspoCrmConnection, type EspoWebhookSecret } from '../options.ts'

const madeSchema = z.looseObject({ id: z.string().min(1), secretKey: z.string().min(1) })

/**
 * Makes the webhooks in the CRM, one for each event, and gives what is needed to check them. Keep it: the CRM shows a secret only now. The
 * API user's role must allow webhooks; a user can have 50.
 * @param publicUrl under which the CRM reaches our server, such as `https://comms.example.com`
 * @throws CommsError `directory_unavailable`, `directory_misconfigured`; webhooks made until then stay in the CRM.
 * @example
 * const webhooks = await registerEspoCrmWebhooks({ url, apiKey }, { publicUrl: 'https://comms.example.com', events: ['Lead.create'] })
 */
export async function registerEspoCrmWebhooks(
  given: EspoCrmConnection,
  options: { readonly publicUrl: string; readonly events: readonly string[]; readonly webhookPath?: string; readonly signal?: AbortSignal },
): Promise<Record<string, EspoWebhookSecret>> {
  const connection = checkConnection('registerEspoCrmWebhooks', given)
  const { publicUrl, events, webhookPath = '/webhooks/espocrm', signal = new AbortController().signal } = options
  const webhooks: Record<string, EspoWebhookSecret> = {}
  for (const event of events) {
    const url = `${publicUrl.replace(/\/+$/, '')}${webhookPath}/${event}`
    const { json } = await callApi(connection, { method: 'POST', path: 'Webhook', body: { event, url, skipOwn: true }, signal })
    const made = madeSchema.safeParse(json)
    if (!made.success) throw new CommsError('directory_misconfigured', `EspoCRM: POST Webhook answered no secretKey for ${event}`)
    webhooks[event] = { id: made.data.id, secretKey: made.data.secretKey }
  }
  return webhooks
}
