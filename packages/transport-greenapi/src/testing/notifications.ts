/** Notifications as Green-API sends them, made for tests: https://green-api.com/en/docs/api/receiving/notifications-format/ */
export const ID_INSTANCE = 7105000001

export const TIMESTAMP = 1_767_697_200

const instanceData = { idInstance: ID_INSTANCE, wid: '33639980010@c.us', typeInstance: 'whatsapp' }

export function incoming(idMessage: string, messageData: object, sender: object = {}): Record<string, unknown> {
  return {
    typeWebhook: 'incomingMessageReceived',
    instanceData,
    timestamp: TIMESTAMP,
    idMessage,
    senderData: {
      chatId: '33639980001@c.us',
      sender: '33639980001@c.us',
      chatName: 'Camille Dupont',
      senderName: 'Camille',
      senderContactName: '',
      ...sender,
    },
    messageData,
  }
}

export function incomingText(idMessage: string, textMessage: string, sender: object = {}): Record<string, unknown> {
  return incoming(idMessage, { typeMessage: 'textMessage', textMessageData: { textMessage } }, sender)
}

/** A message of ours: `outgoingMessageReceived` when it was typed on the phone, `outgoingAPIMessageReceived` when it is an echo. */
export function outgoing(
  typeWebhook: string,
  idMessage: string,
  messageData: object,
  chatId = '33639980001@c.us',
): Record<string, unknown> {
  const sender = { chatId, sender: instanceData.wid, chatName: 'Camille Dupont', senderName: 'Shop', senderContactName: '' }
  return { typeWebhook, instanceData, timestamp: TIMESTAMP, idMessage, senderData: sender, messageData }
}

/** A notification that is no message. */
export function notice(typeWebhook: string, fields: object): Record<string, unknown> {
  return { typeWebhook, instanceData, timestamp: TIMESTAMP, ...fields }
}

export function messageStatus(idMessage: string, status: string, fields: object = {}): Record<string, unknown> {
  return notice('outgoingMessageStatus', { chatId: '33639980001@c.us', idMessage, status, sendByApi: true, ...fields })
}
