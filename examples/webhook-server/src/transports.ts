import { type EventStore, idempotencyKey, type Transport } from '@pipe-comms/core'
import { greenApiTransport } from '@pipe-comms/transport-greenapi'
import { smtpTransport } from '@pipe-comms/transport-smtp'
import { twilioTransport } from '@pipe-comms/transport-twilio'
import type { Config } from './config.ts'

/** Known to take 200 messages an hour. */
const OVH_HOST = 'ssl0.ovh.net'

/** The transports of this configuration: those that are not switched off. The log proves complaints and opt-outs that come in as mail. */
export function openTransports(config: Config, log?: Pick<EventStore, 'find'>): Transport[] {
  return [...greenApi(config), ...twilio(config), ...smtp(config, log)]
}

function greenApi({ greenApi: account, publicUrl }: Config): Transport[] {
  if (!account) return []
  const { instanceId, token, webhookToken, url, mediaUrl, allowedAddresses } = account
  return [
    greenApiTransport({
      idInstance: instanceId,
      webhookToken,
      ...(token === undefined ? {} : { apiToken: token }),
      ...(url === undefined ? {} : { apiUrl: url }),
      ...(mediaUrl === undefined ? {} : { mediaUrl }),
      ...(publicUrl === undefined ? {} : { publicUrl }),
      ...(allowedAddresses === undefined ? {} : { allowedSourceAddresses: allowedAddresses }),
    }),
  ]
}

function twilio({ twilio: account }: Config): Transport[] {
  if (!account) return []
  const { accountSid, authTokens, from, url, publicUrl } = account
  return [
    twilioTransport({
      accountSid,
      authToken: authTokens,
      publicUrl,
      ...(from.startsWith('MG') ? { messagingServiceSid: from } : { from }),
      ...(url === undefined ? {} : { apiUrl: url }),
    }),
  ]
}

function smtp({ smtp: relay, smtpInboundToken, smtpAuthservId }: Config, log: Pick<EventStore, 'find'> | undefined): Transport[] {
  if (!relay) return []
  const { port, ca, ...options } = relay
  return [
    smtpTransport({
      ...(relay.host === OVH_HOST ? { preset: 'ovh' as const } : {}),
      ...options,
      ...(port === undefined ? {} : { port }),
      ...(smtpInboundToken === undefined ? {} : { inboundToken: smtpInboundToken }),
      ...(smtpAuthservId === undefined ? {} : { authservId: smtpAuthservId }),
      ...(log === undefined
        ? {}
        : { recipientOf: async (messageId: string) => (await log.find(idempotencyKey('request', messageId)))?.contact }),
      // The sandbox's own certificate, for a domain that is in no DNS.
      ...(ca === undefined ? {} : { ca, resolveTxt: false as const }),
    }),
  ]
}
