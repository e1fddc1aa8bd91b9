import { incoming, outgoing } from '../notifications.ts'
import { CAMILLE, phone, type Row, row } from './row.ts'

const GROUP = { kind: 'group' as const, value: 'group:120363000000000001', raw: '120363000000000001@g.us' }
const inGroup = { chatId: GROUP.raw, sender: '33639980002@c.us' }

const edited = (data: object) => ({ typeMessage: 'editedMessage', editedMessageData: data })
const deleted = { typeMessage: 'deletedMessage', deletedMessageData: { stanzaId: '3EB0BB' } }
const reaction = (text: object, participant = '33639980010@c.us') => ({
  typeMessage: 'reactionMessage',
  ...text,
  quotedMessage: { stanzaId: '3EB0BB', participant },
})
const heart = { extendedTextMessageData: { text: '❤️' } }
const target = { providerMessageId: '3EB0BB' }
const by = { direction: 'inbound', contact: CAMILLE }

/** A change of ours, on the phone and through the API. */
function ours(typeMessage: string, id: string, messageData: object, fact: { type: Row['fact']['type']; data: object }): Row[] {
  const ways = { outgoingMessageReceived: 'on the phone', outgoingAPIMessageReceived: 'through the API' }
  return Object.entries(ways).map(([typeWebhook, remark], index) => {
    const providerMessageId = `${id}${index}`
    return row(typeMessage, remark, outgoing(typeWebhook, providerMessageId, messageData), {
      key: `${fact.type.slice('message.'.length)}:33639980001@c.us:${providerMessageId}`,
      direction: 'outbound',
      contact: CAMILLE,
      providerMessageId,
      ...fact,
    })
  })
}

export const CHANGE_ROWS: readonly Row[] = [
  row('editedMessage', 'incoming, a text', incoming('3EB0C1', edited({ textMessage: 'Plutôt jeudi', stanzaId: '3EB0BB' })), {
    type: 'message.edited',
    key: 'edited:33639980001@c.us:3EB0C1',
    ...by,
    providerMessageId: '3EB0C1',
    data: { target, text: 'Plutôt jeudi', contactName: 'Camille' },
  }),
  row('editedMessage', 'incoming, a caption taken away', incoming('3EB0C2', edited({ caption: '', stanzaId: '3EB0BB' })), {
    type: 'message.edited',
    key: 'edited:33639980001@c.us:3EB0C2',
    ...by,
    providerMessageId: '3EB0C2',
    data: { target, caption: '', contactName: 'Camille' },
  }),
  row('editedMessage', 'incoming, a code', incoming('3EB0C3', edited({ textMessage: '{{SWE003}}', stanzaId: '3EB0BB' })), {
    type: 'message.edited',
    key: 'edited:33639980001@c.us:3EB0C3',
    ...by,
    providerMessageId: '3EB0C3',
    data: { target, contactName: 'Camille' },
  }),
  row('editedMessage', 'incoming, in a group', incoming('3EB0C4', edited({ textMessage: 'Jeudi', stanzaId: '3EB0BB' }), inGroup), {
    type: 'message.edited',
    key: 'edited:120363000000000001@g.us:3EB0C4',
    direction: 'inbound',
    contact: GROUP,
    providerMessageId: '3EB0C4',
    data: { target: { ...target, author: phone('33639980002') }, text: 'Jeudi', contactName: 'Camille' },
  }),
  ...ours('editedMessage', '3EB0C5', edited({ textMessage: 'Jeudi 15 h', stanzaId: '3EB0BB' }), {
    type: 'message.edited',
    data: { target, text: 'Jeudi 15 h' },
  }),

  row('deletedMessage', 'incoming', incoming('3EB0D1', deleted), {
    type: 'message.deleted',
    key: 'deleted:33639980001@c.us:3EB0D1',
    ...by,
    providerMessageId: '3EB0D1',
    data: { target, contactName: 'Camille' },
  }),
  ...ours('deletedMessage', '3EB0D2', deleted, { type: 'message.deleted', data: { target } }),

  row('reactionMessage', 'incoming', incoming('3EB0E1', reaction(heart)), {
    type: 'message.reacted',
    key: 'reacted:33639980001@c.us:3EB0E1',
    ...by,
    providerMessageId: '3EB0E1',
    data: { target, emoji: '❤️', contactName: 'Camille' },
  }),
  row('reactionMessage', 'incoming, taken back', incoming('3EB0E2', reaction({ extendedTextMessageData: { text: '' } })), {
    type: 'message.reacted',
    key: 'reacted:33639980001@c.us:3EB0E2',
    ...by,
    providerMessageId: '3EB0E2',
    data: { target, emoji: '', contactName: 'Camille' },
  }),
  row('reactionMessage', 'incoming, taken back without a text', incoming('3EB0E3', reaction({})), {
    type: 'message.reacted',
    key: 'reacted:33639980001@c.us:3EB0E3',
    ...by,
    providerMessageId: '3EB0E3',
    data: { target, emoji: '', contactName: 'Camille' },
  }),
  row('reactionMessage', 'incoming, in a group', incoming('3EB0E4', reaction(heart, '33639980003@c.us'), inGroup), {
    type: 'message.reacted',
    key: 'reacted:120363000000000001@g.us:3EB0E4',
    direction: 'inbound',
    contact: GROUP,
    providerMessageId: '3EB0E4',
    data: { target: { ...target, author: phone('33639980003') }, emoji: '❤️', author: phone('33639980002'), contactName: 'Camille' },
  }),
  ...ours('reactionMessage', '3EB0E5', reaction(heart, '33639980001@c.us'), {
    type: 'message.reacted',
    data: { target, emoji: '❤️' },
  }),
]
