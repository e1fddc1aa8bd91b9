import type { Transport } from '@pipe-comms/core'
import { sendMessage } from './api/send-message.ts'
import { checkOptions, type GreenApiOptions } from './options.ts'
import { parseNotification } from './webhook/parse.ts'
import { webhookVerifier } from './webhook/verify.ts'

/**
 * WhatsApp through one Green-API instance. The README lists what each of its notifications becomes; those it does not know are
 * quarantined raw, to be parsed again by a later version.
 * @example
 * const greenApi = greenApiTransport({ idInstance: '7105000001', apiToken, webhookToken })
 * @throws CommsError `configuration_invalid`, naming each option that is missing or wrong.
 */
export function greenApiTransport(given: GreenApiOptions): Transport {
  const options = checkOptions(given)
  return {
    id: options.id,
    channel: 'whatsapp',
    account: options.idInstance,
    send: (message, { signal }) => sendMessage(options, message, signal),
    webhooks: [
      {
        path: options.webhookPath,
        methods: ['POST'],
        verify: webhookVerifier(options),
        parse: ({ body }) => parseNotification(body, { idInstance: options.idInstance, via: 'webhook' }),
      },
    ],
  }
}
