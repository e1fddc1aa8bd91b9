/** Notifications as Green-API sends them, made for tests: https://green-api.com/en/docs/api/receiving/notifications-format/ */
export const ID_INSTANCE = 7105000001

const instanceData = { idInstance: ID_INSTANCE, wid: '33639980010@c.us', typeInstance: 'whatsapp' }

export function incoming(idMessage: string, messageData: object, sender: object = {}): Record<string, unknown> {
  return {
    typeWebhook: 'incomingMessageReceived',
    instanceData,
    timestamp: 1_767_697_200,
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

export function incomingExtendedText(idMessage: string, extendedTextMessageData: object): Record<string, unknown> {
  return incoming(idMessage, { typeMessage: 'extendedTextMessage', extendedTextMessageData })
}

export const stateChanged = { typeWebhook: 'stateInstanceChanged', instanceData, timestamp: 1_767_697_200, stateInstance: 'authorized' }
