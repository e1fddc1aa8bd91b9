import type { EventFact, MessageContent } from '@pipe-comms/core'
import { ID_INSTANCE, incoming, outgoing } from '../notifications.ts'

/** One notification and exactly what it becomes. */
export interface Row {
  /** Its line in the README: a `typeWebhook`, or the `typeMessage` of a message. */
  readonly type: string
  /** What is special about this one. */
  readonly remark: string
  readonly notification: Readonly<Record<string, unknown>>
  readonly fact: EventFact
}

/** What a row says of its fact beyond what all facts share. */
type Said = { readonly [Name: string]: unknown } & {
  readonly type: EventFact['type']
  readonly key: string
  readonly unread?: readonly string[] | undefined
}

export const phone = (digits: string) => ({ kind: 'phone' as const, value: `+${digits}`, raw: `${digits}@c.us` })
export const CAMILLE = phone('33639980001')
export const SHOP = phone('33639980010')

export function row(type: string, remark: string, notification: Readonly<Record<string, unknown>>, { key, unread, ...said }: Said): Row {
  const fact = {
    idempotencyKey: `greenapi:${ID_INSTANCE}:${key}`,
    channel: 'whatsapp',
    provider: 'greenapi',
    account: String(ID_INSTANCE),
    endpoint: SHOP,
    occurredAt: '2026-01-06T11:00:00.000Z',
    source: { via: 'webhook', raw: notification, ...(unread ? { unread } : {}) },
    ...said,
  }
  return { type, remark, notification, fact: fact as unknown as EventFact }
}

type MessageData = Readonly<Record<string, unknown>> & { readonly typeMessage: string }

let count = 0

/** A message that comes in, the same typed on the phone, and the same as the echo of a send: three notifications of one content. */
export function messageRows(remark: string, messageData: MessageData, content: MessageContent, unread?: readonly string[]): Row[] {
  const { typeMessage } = messageData
  count += 1
  const id = `3EB0${String(count).padStart(4, '0')}`
  const named = { unread, contact: CAMILLE, messageId: `greenapi:${id}`, providerMessageId: id }
  const words = remark === '' ? '' : `, ${remark}`
  return [
    row(typeMessage, `incoming${words}`, incoming(id, messageData), {
      type: 'message.received',
      key: `received:33639980001@c.us:${id}`,
      direction: 'inbound',
      ...named,
      data: { ...content, contactName: 'Camille' },
    }),
    row(typeMessage, `typed on the phone${words}`, outgoing('outgoingMessageReceived', id, messageData), {
      type: 'message.sent',
      key: `sent:33639980001@c.us:${id}`,
      direction: 'outbound',
      ...named,
      data: { origin: 'device', content },
    }),
    row(typeMessage, `echo of a send${words}`, outgoing('outgoingAPIMessageReceived', id, messageData), {
      type: 'message.sent',
      key: `echoed:33639980001@c.us:${id}`,
      direction: 'outbound',
      ...named,
      data: { origin: 'api', content },
    }),
  ]
}
