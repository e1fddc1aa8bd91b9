import type { ContactAddress, EventFact, FailureClass } from '@pipe-comms/core'
import { z } from 'zod'
import { chatKeyOf } from '../chat-id.ts'
import { addressIfAny, boolean, entryOf, envelopeOf, id, type NotificationReader, present, reader, text } from './notification.ts'

/** Required: the message, and how far it got. */
const statusSchema = z.looseObject({
  chatId: id.nullish(),
  idMessage: id,
  status: z.string().min(1),
  description: text,
  sendByApi: boolean,
})
type Status = z.output<typeof statusSchema>

/** Whom a message went to whose status does not say it: the message is known by its id. */
const UNKNOWN_CHAT: ContactAddress = { kind: 'other', value: 'other:unknown-chat', raw: 'unknown-chat' }

type Told<Type extends EventFact['type']> = Pick<Extract<EventFact, { type: Type }>, 'type' | 'data'>
type Outcome = Told<'message.sent'> | Told<'message.delivered'> | Told<'message.read'> | Told<'message.failed'>

/**
 * Every `status`. They come in any order, some never: no `read` without receipts, nothing after `sent` from who blocked us.
 * https://green-api.com/en/docs/api/receiving/notifications-format/outgoing-message/OutgoingMessageStatus/
 */
const STATUSES: Readonly<Record<string, (status: Status) => Outcome>> = {
  pending: sent,
  sent,
  delivered: (status) => ({ type: 'message.delivered', data: reached(status) }),
  read: (status) => ({ type: 'message.read', data: reached(status) }),
  failed: (status) =>
    // The group has more members than Green-API sends to: https://green-api.com/en/docs/api/common-errors/
    status.description?.startsWith('SWE004') ? failed(status, 'group-too-large', 'policy') : failed(status, 'failed', 'provider'),
  noAccount: (status) => failed(status, 'no-account', 'recipient'),
  notInGroup: (status) => failed(status, 'not-in-group', 'recipient'),
  noActiveSession: (status) => failed(status, 'no-active-session', 'policy'),
  yellowCard: (status) => failed(status, 'account-suspended', 'policy'),
}

/**
 * Who got how far with a message of ours. In a group the same status comes once for each member and does not say which: it is one fact,
 * that it was reached by somebody.
 */
export const outgoingMessageStatus: NotificationReader = reader(statusSchema, (fields, notification) => {
  const { chatId, idMessage, status } = fields
  const outcome = entryOf(STATUSES, status, 'status')(fields)
  const contact = addressIfAny(chatId ?? undefined) ?? UNKNOWN_CHAT
  return [
    {
      ...envelopeOf(notification, 'status', chatKeyOf(contact), idMessage, status),
      direction: 'outbound',
      contact,
      messageId: `greenapi:${idMessage}`,
      providerMessageId: idMessage,
      ...outcome,
    },
  ]
})

/** `pending`: Green-API has it in its queue, which is what its answer to a send says too. */
function sent({ status, description, sendByApi }: Status): Outcome {
  const extra = status === 'sent' ? undefined : { status }
  return { type: 'message.sent', data: { origin: sendByApi === false ? 'device' : 'api', ...present({ description, extra }) } }
}

function reached({ description, sendByApi: byApi }: Status) {
  return present({ byApi, description })
}

function failed({ status, description }: Status, code: string, blame: FailureClass): Outcome {
  return { type: 'message.failed', data: { error: { code, providerCode: status, class: blame, ...present({ text: description }) } } }
}
