import type { EventFact } from '@pipe-comms/core'
import { z } from 'zod'
import { incomingCall, outgoingCall } from './call.ts'
import { incomingBlock } from './contact.ts'
import { deviceInfo } from './device.ts'
import { quotaExceeded, stateInstanceChanged, statusInstanceChanged } from './instance.ts'
import { incomingMessage, outgoingMessage } from './message.ts'
import { addressIfAny, check, entryOf, isoOf, type NotificationReader, present, text, unixSeconds, unparsable } from './notification.ts'
import { outgoingMessageStatus } from './status.ts'
import { losesInParsing } from './whole-json.ts'

/** Every `typeWebhook`. The set is open: what is not here is quarantined raw, for a later version. */
export const NOTIFICATIONS: Readonly<Record<string, NotificationReader>> = {
  incomingMessageReceived: incomingMessage,
  outgoingMessageReceived: outgoingMessage('device'),
  outgoingAPIMessageReceived: outgoingMessage('api'),
  outgoingMessageStatus,
  incomingCall,
  outgoingCall,
  incomingBlock,
  stateInstanceChanged,
  statusInstanceChanged,
  deviceInfo,
  quotaExceeded,
}

const envelopeSchema = z.looseObject({
  typeWebhook: z.string().min(1),
  instanceData: z.looseObject({
    idInstance: z.union([z.number().int().nonnegative(), z.string().regex(/^\d+$/)]).transform(String),
    wid: text,
  }),
  timestamp: unixSeconds.nullish(),
})

/**
 * The facts in one notification of this instance: the body of a webhook, or the `body` of a polled notification. The same notification
 * gives the same facts under the same keys, whichever way it came. A part that the fact can do without is left out when it is odd, and
 * noted in `source.unread`; `source.raw` holds the whole body, as text when parsing loses something of it.
 * @throws CommsError `webhook_unparsable` for what is not understood (yet), and nothing else.
 */
export function parseNotification(
  body: Uint8Array,
  { idInstance, via }: { readonly idInstance: string; readonly via: 'webhook' | 'poll' },
): readonly EventFact[] {
  const written = textOf(body)
  const parsed = parseJson(written)
  const unread: string[] = []
  const { typeWebhook, instanceData, timestamp } = check(envelopeSchema, parsed, 'a notification', unread)
  if (instanceData.idInstance !== idInstance) {
    throw unparsable(`expected a notification of instance ${idInstance}, got one of instance ${instanceData.idInstance.slice(0, 20)}`)
  }
  const read = entryOf(NOTIFICATIONS, typeWebhook, 'typeWebhook')
  const envelope = present({ endpoint: addressIfAny(instanceData.wid), occurredAt: timestamp ? isoOf(timestamp) : undefined })
  const raw = losesInParsing(written, parsed) ? written : parsed
  const facts = read({ typeWebhook, idInstance, ...envelope, via, body: parsed, raw, unread })
  return unread.length === 0 ? facts : facts.map((fact) => ({ ...fact, source: { via, raw, unread } }))
}

function textOf(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch (cause) {
    throw unparsable('the body is not JSON', cause)
  }
}

function parseJson(written: string): z.core.util.JSONType {
  try {
    return JSON.parse(written) as z.core.util.JSONType
  } catch (cause) {
    throw unparsable('the body is not JSON', cause)
  }
}
