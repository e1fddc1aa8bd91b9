import type { Transport } from '@pipe-comms/core'
import { draftOf } from './api/draft.ts'
import { instanceApi } from './api/instance.ts'
import { SENDS_PER_SECOND } from './api/rate-limits.ts'
import { chooseCall, send } from './api/send.ts'
import { inboxReader } from './inbox.ts'
import { type CheckedOptions, checkOptions, type GreenApiOptions } from './options.ts'
import { transportProbe } from './probe.ts'
import { reconciler } from './reconciler.ts'
import { type ApplySettingsOptions, applySettings } from './settings.ts'
import { parseNotification } from './webhook/parse.ts'
import { webhookVerifier } from './webhook/verify.ts'

export interface GreenApiTransport extends Transport {
  /**
   * Writes what this transport needs into the instance's settings: where webhooks go, and every kind of notification on. Gives the
   * names of the settings that were wrong; when none was, nothing is written. **Writing reboots the instance**: it takes no messages
   * meanwhile, and the settings show within 5 minutes.
   * @throws CommsError `configuration_invalid` without the option `publicUrl`, `send_unavailable`, `transport_misconfigured`.
   */
  applySettings(options?: ApplySettingsOptions): Promise<readonly string[]>
}

/**
 * WhatsApp through one Green-API instance. The README lists what each of its notifications becomes; those it does not know are
 * quarantined raw, to be parsed again by a later version.
 * @example
 * const greenApi = greenApiTransport({ idInstance: '7105000001', apiToken, webhookToken })
 * @throws CommsError `configuration_invalid`, naming each option that is missing or wrong.
 */
export function greenApiTransport(given: GreenApiOptions): GreenApiTransport {
  const options = checkOptions(given)
  const api = instanceApi(options)
  return {
    id: options.id,
    channel: 'whatsapp',
    provider: 'greenapi',
    account: options.idInstance,
    check: (message) => {
      chooseCall(draftOf(message))
    },
    send: (message, { signal }) => send(api, message, signal),
    sendLimits: [{ messages: SENDS_PER_SECOND, perMs: 1_000 }],
    ...webhooks(options),
    ...(options.inbox ? { inbox: inboxReader(api) } : {}),
    reconciler: reconciler(api),
    probe: transportProbe(api),
    applySettings: (settings = {}) => applySettings(api, settings),
  }
}

/** An instance that is asked needs no webhook. */
function webhooks(options: CheckedOptions): Pick<Transport, 'webhooks'> {
  const { webhookToken, allowUnverifiedWebhooks, webhookPath, idInstance } = options
  if (webhookToken === undefined && !allowUnverifiedWebhooks) return {}
  const verify = webhookVerifier(options)
  return {
    webhooks: [
      {
        path: webhookPath,
        methods: ['POST'],
        authorize: verify,
        verify,
        parse: ({ body }) => parseNotification(body, { idInstance: idInstance, via: 'webhook' }),
      },
    ],
  }
}
