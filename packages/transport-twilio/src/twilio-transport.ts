import type { EventFact, SendReconciler, Transport, TransportProbe, WebhookEndpoint } from '@pipe-comms/core'
import { check } from './api/check.ts'
import { outgoing } from './api/outgoing.ts'
import { reconcile } from './api/reconcile.ts'
import { type RecoverOptions, recoverInbound } from './api/recover-inbound.ts'
import { sendMessage } from './api/send-message.ts'
import { type CheckedOptions, checkOptions, type TwilioOptions } from './options.ts'
import { parseWebhook } from './webhook/parse.ts'
import { verifySignature } from './webhook/verify.ts'

/** A {@link Transport} with all of Twilio's abilities. */
export interface TwilioTransport extends Transport {
  readonly webhooks: readonly WebhookEndpoint[]
  readonly reconciler: SendReconciler
  readonly probe: TransportProbe
  /**
   * The facts of messages that came in since then, asked for and not told: Twilio keeps no queue of webhooks that failed. Record them all;
   * those that are in the log already have the same keys.
   * @throws CommsError `send_unavailable` when Twilio cannot be asked now, `transport_misconfigured` when an operator must act.
   */
  recoverInbound(options: RecoverOptions): AsyncIterable<EventFact>
}

/** No reply: any other answer of type text would be sent to the customer as a message. https://www.twilio.com/docs/messaging/twiml */
const EMPTY_TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

/**
 * SMS, MMS and WhatsApp senders of one Twilio account.
 * @example
 * const twilio = twilioTransport({ accountSid, authToken, publicUrl: 'https://comms.example.com', from: '+12025550100' })
 * @throws CommsError `configuration_invalid`, naming each option that is missing or wrong.
 */
export function twilioTransport(given: TwilioOptions): TwilioTransport {
  const options = checkOptions(given)
  return {
    id: options.id,
    channel: options.channel,
    provider: 'twilio',
    account: options.accountSid,
    check: (message) => {
      outgoing(message, options)
    },
    send: (message, { signal }) => sendMessage(options, message, signal),
    ...(options.sendLimits ? { sendLimits: options.sendLimits } : {}),
    webhooks: [endpoint('incoming', options), endpoint('status', options)],
    reconciler: { reconcile: (message, attempt) => reconcile(options, message, attempt) },
    probe: { check: ({ signal }) => check(options, signal) },
    recoverInbound: (what) => recoverInbound(options, what),
  }
}

function endpoint(name: 'incoming' | 'status', options: CheckedOptions): WebhookEndpoint {
  return {
    path: `${options.webhookPath}/${name}`,
    methods: ['POST', 'GET'],
    verify: (request) => {
      if (options.authToken.length > 0 && options.publicUrl !== undefined) verifySignature(request, options)
    },
    parse: (request) => parseWebhook(request, options),
    acknowledge: () => new Response(EMPTY_TWIML, { status: 200, headers: { 'content-type': 'text/xml' } }),
  }
}
