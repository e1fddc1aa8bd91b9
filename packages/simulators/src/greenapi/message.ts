/** A message as the instance keeps it. */
export interface KeptMessage {
  readonly idMessage: string
  readonly type: 'incoming' | 'outgoing'
  readonly chatId: string
  /** Unix seconds. */
  readonly timestamp: number
  readonly sendByApi: boolean
  readonly senderName?: string
  /** As a notification shows it. */
  readonly messageData: Readonly<Record<string, unknown>> & { readonly typeMessage: string }
  statusMessage: string
  isEdited: boolean
  isDeleted: boolean
  /** Whether the journals show it already. */
  inJournal: boolean
}

/** A message as the journals and the history show it: flatter than in a notification. https://green-api.com/en/docs/api/journals/LastOutgoingMessages/ */
export function journalEntry(message: KeptMessage): Record<string, unknown> {
  const { idMessage, type, chatId, timestamp, sendByApi, senderName, messageData, statusMessage, isEdited, isDeleted } = message
  const outgoing = type === 'outgoing'
  return {
    type,
    idMessage,
    timestamp,
    ...journalContent(messageData),
    chatId,
    ...(outgoing ? { statusMessage, sendByApi } : { senderId: chatId, senderName: senderName ?? '', senderContactName: '' }),
    deletedMessageId: '',
    editedMessageId: '',
    isEdited,
    isDeleted,
  }
}

function journalContent(messageData: KeptMessage['messageData']): Record<string, unknown> {
  const { typeMessage, textMessageData, extendedTextMessageData, fileMessageData, locationMessageData, contactMessageData, ...rest } =
    messageData as Record<string, Record<string, unknown> | undefined>
  // A text that was sent by API is an extended text in its notification and a plain one here.
  const text = textMessageData?.textMessage ?? extendedTextMessageData?.text
  if (text !== undefined) return { typeMessage: 'textMessage', textMessage: text, ...rest }
  return {
    typeMessage,
    ...fileMessageData,
    ...(locationMessageData ? { location: locationMessageData } : {}),
    ...(contactMessageData ? { contact: contactMessageData } : {}),
    ...rest,
  }
}
