import type { ContactAddress, EventFact, MessageContent } from '@pipe-comms/core'
import { z } from 'zod'
import { chatKeyOf } from '../chat-id.ts'
import { CHANGES, type ChangeContext } from './change.ts'
import { quotedOf, quotedSchema } from './content/quoted.ts'
import { CONTENTS } from './content.ts'
import {
  address,
  addressIfAny,
  entryOf,
  envelopeOf,
  id,
  type Notification,
  type NotificationReader,
  present,
  reader,
  text,
  unparsable,
} from './notification.ts'

/**
 * Required: the id, which names the fact; the chat, or of an incoming message its writer, which names the contact; the kind.
 * https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/
 */
const messageSchema = z.looseObject({
  idMessage: id,
  senderData: z
    .looseObject({
      // The chat; in a group `sender` is the member who wrote, in a message of ours our own address.
      chatId: id.nullish(),
      sender: text,
      senderName: text,
      senderContactName: text,
    })
    .nullish(),
  messageData: z.looseObject({ typeMessage: z.string().min(1), quotedMessage: quotedSchema }),
})
type Message = z.output<typeof messageSchema>

/** What somebody wrote to us. */
export const incomingMessage: NotificationReader = reader(messageSchema, (message, notification) => {
  const { idMessage } = message
  const { sender: writtenBy, senderName, senderContactName, chatId } = message.senderData ?? {}
  const named = addressIfAny(chatId ?? undefined)
  // In a personal chat the writer is the chat, and need not be read twice.
  const sender = named && writtenBy === chatId ? named : addressIfAny(writtenBy)
  // A message whose chat is missing or odd is of its writer.
  const chat = named ?? sender
  if (!chat) throw unparsable('expected senderData.chatId, got none')
  const list = isBroadcastList(chat) ? chat : undefined
  const contact = (list && sender) ?? chat
  const author = sender && sender.value !== contact.value ? sender : undefined
  const context = { chat, contact, direction: 'inbound' as const, ...present({ author, contactName: senderContactName ?? senderName }) }
  const change = changeIn(message, notification, context)
  if (change) return [change]
  const content = contentOf(message, notification)
  return [
    {
      type: 'message.received',
      ...envelopeOf(notification, 'received', chatKeyOf(chat), idMessage),
      direction: 'inbound',
      contact,
      messageId: `greenapi:${idMessage}`,
      providerMessageId: idMessage,
      data: {
        ...content,
        ...(list ? { extra: { ...content.extra, broadcastList: list.raw } } : {}),
        ...present({ author, contactName: context.contactName }),
      },
    },
  ]
})

/** What we wrote: typed on the phone or another device, or the echo of a message sent through the API. */
export function outgoingMessage(origin: 'device' | 'api'): NotificationReader {
  return reader(messageSchema, (message, notification) => {
    const { idMessage } = message
    const contact = address(message.senderData?.chatId ?? '')
    const change = changeIn(message, notification, { chat: contact, contact, direction: 'outbound' })
    if (change) return [change]
    return [
      {
        type: 'message.sent',
        // That a message came back is another fact than what the send of it answered.
        ...envelopeOf(notification, origin === 'api' ? 'echoed' : 'sent', chatKeyOf(contact), idMessage),
        direction: 'outbound',
        contact,
        messageId: `greenapi:${idMessage}`,
        providerMessageId: idMessage,
        data: { origin, content: contentOf(message, notification) },
      },
    ]
  })
}

/** A message to a broadcast list comes to each member of it from its writer alone, and is answered to them. Stories are for everybody. */
function isBroadcastList({ kind, value }: ContactAddress): boolean {
  return kind === 'broadcast' && value.startsWith('broadcast:') && value !== 'broadcast:status'
}

function changeIn(
  { idMessage, messageData }: Message,
  notification: Notification,
  context: ChangeContext & { readonly chat: ContactAddress },
): EventFact | undefined {
  const { typeMessage } = messageData
  if (!Object.hasOwn(CHANGES, typeMessage)) return undefined
  const { kind, ...change } = entryOf(CHANGES, typeMessage, 'typeMessage')(messageData, context, notification.unread)
  return {
    ...envelopeOf(notification, kind, chatKeyOf(context.chat), idMessage),
    direction: context.direction,
    contact: context.contact,
    // Of the change: the message it is about is its target.
    providerMessageId: idMessage,
    ...change,
  }
}

function contentOf({ messageData }: Message, { unread }: Notification): MessageContent {
  const { typeMessage, quotedMessage } = messageData
  const content = entryOf(CONTENTS, typeMessage, 'typeMessage')(messageData, unread)
  return { ...content, ...present({ quoted: quotedOf(quotedMessage) ?? content.quoted }) }
}
