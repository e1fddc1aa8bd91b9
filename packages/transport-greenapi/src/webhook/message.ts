import type { ContactAddress, EventFact, MessageContent } from '@pipe-comms/core'
import { z } from 'zod'
import { CHANGES, type ChangeContext } from './change.ts'
import { quotedOf, quotedSchema } from './content/quoted.ts'
import { CONTENTS } from './content.ts'
import { address, entryOf, envelopeOf, id, type Notification, type NotificationReader, present, reader, text } from './notification.ts'

/** https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/ */
const messageSchema = z.looseObject({
  idMessage: id,
  senderData: z.looseObject({
    // The chat; in a group `sender` is the member who wrote, in a message of ours our own address.
    chatId: id,
    sender: text,
    senderName: text,
    senderContactName: text,
  }),
  messageData: z.looseObject({ typeMessage: z.string().min(1), quotedMessage: quotedSchema }),
})
type Message = z.output<typeof messageSchema>

/** What somebody wrote to us. */
export const incomingMessage: NotificationReader = reader(messageSchema, (message, notification) => {
  const { idMessage, senderData } = message
  const contact = address(senderData.chatId)
  const author = authorOf(senderData.sender, contact)
  const contactName = senderData.senderContactName ?? senderData.senderName
  const change = changeIn(message, notification, { contact, direction: 'inbound', ...present({ author, contactName }) })
  if (change) return [change]
  return [
    {
      type: 'message.received',
      ...envelopeOf(notification, 'received', senderData.chatId, idMessage),
      direction: 'inbound',
      contact,
      messageId: `greenapi:${idMessage}`,
      providerMessageId: idMessage,
      data: { ...contentOf(message), ...present({ author, contactName }) },
    },
  ]
})

/** What we wrote: typed on the phone or another device, or the echo of a message sent through the API. */
export function outgoingMessage(origin: 'device' | 'api'): NotificationReader {
  return reader(messageSchema, (message, notification) => {
    const { idMessage, senderData } = message
    const contact = address(senderData.chatId)
    const change = changeIn(message, notification, { contact, direction: 'outbound' })
    if (change) return [change]
    return [
      {
        type: 'message.sent',
        // That a message came back is another fact than what the send of it answered.
        ...envelopeOf(notification, origin === 'api' ? 'echoed' : 'sent', senderData.chatId, idMessage),
        direction: 'outbound',
        contact,
        messageId: `greenapi:${idMessage}`,
        providerMessageId: idMessage,
        data: { origin, content: contentOf(message) },
      },
    ]
  })
}

function changeIn(
  { idMessage, senderData, messageData }: Message,
  notification: Notification,
  context: ChangeContext,
): EventFact | undefined {
  const { typeMessage } = messageData
  if (!Object.hasOwn(CHANGES, typeMessage)) return undefined
  const { kind, ...change } = entryOf(CHANGES, typeMessage, 'typeMessage')(messageData, context)
  return {
    ...envelopeOf(notification, kind, senderData.chatId, idMessage),
    direction: context.direction,
    contact: context.contact,
    // Of the change: the message it is about is its target.
    providerMessageId: idMessage,
    ...change,
  }
}

function contentOf({ messageData }: Message): MessageContent {
  const { typeMessage, quotedMessage } = messageData
  const content = entryOf(CONTENTS, typeMessage, 'typeMessage')(messageData)
  return { ...content, ...present({ quoted: quotedOf(quotedMessage) ?? content.quoted }) }
}

/** In a personal chat the writer is the chat. */
function authorOf(sender: string | undefined, chat: ContactAddress): ContactAddress | undefined {
  if (sender === undefined || sender === chat.raw) return undefined
  const author = address(sender)
  return author.value === chat.value ? undefined : author
}
