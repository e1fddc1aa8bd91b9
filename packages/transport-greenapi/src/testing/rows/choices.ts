import { messageRows, type Row } from './row.ts'

const expiration = { low: 1_768_302_000, high: 0, unsigned: false }
const interactive = {
  titleText: 'Rendez-vous',
  contentText: 'Quel jour ?',
  footerText: '',
  buttons: [
    { type: 'reply', buttonId: '1', buttonText: 'Mardi' },
    { type: 'url', buttonId: '2', buttonText: 'Voir', url: 'https://example.com' },
    { type: 'call', buttonId: '3', buttonText: 'Appeler', phoneNumber: '33639980030' },
    { type: 'copy', buttonId: '4', buttonText: 'Copier', copyCode: 'ABC' },
    { type: 'novelty', buttonId: '5', buttonText: 'Autre' },
  ],
}
const interactiveContent = {
  buttons: {
    title: 'Rendez-vous',
    body: 'Quel jour ?',
    items: [
      { id: '1', title: 'Mardi', kind: 'reply' as const },
      { id: '2', title: 'Voir', kind: 'url' as const, value: 'https://example.com' },
      { id: '3', title: 'Appeler', kind: 'call' as const, value: '33639980030' },
      { id: '4', title: 'Copier', kind: 'copy' as const, value: 'ABC' },
      { id: '5', title: 'Autre' },
    ],
  },
}
const noveltyIn = (key: string) => [`messageData.${key}.buttons.4.type: Invalid option: expected one of "reply"|"url"|"call"|"copy"`]
const tap = { stanzaId: 'BAE5F1', selectedIndex: 1, selectedId: 'tue', selectedDisplayText: 'Mardi' }
const tapped = (kind: 'button' | 'template') => ({
  reply: { kind, id: 'tue', title: 'Mardi', ofProviderMessageId: 'BAE5F1' },
  extra: { selectedIndex: 1 },
})
const of = (typeMessage: string, data: object) => ({ typeMessage, ...data })

export const CHOICE_ROWS: readonly Row[] = [
  ...messageRows(
    '',
    of('pollMessage', {
      pollMessageData: { name: 'Quel jour ?', options: [{ optionName: 'Mardi' }, { optionName: 'Jeudi' }], multipleAnswers: false },
    }),
    { poll: { question: 'Quel jour ?', options: ['Mardi', 'Jeudi'], multipleAnswers: false } },
  ),
  ...messageRows(
    'votes, all of them each time',
    of('pollUpdateMessage', {
      pollMessageData: {
        stanzaId: 'BAE5F0',
        name: 'Quel jour ?',
        votes: [
          { optionName: 'Mardi', optionVoters: ['33639980001@c.us'] },
          { optionName: 'Jeudi', optionVoters: [] },
        ],
        multipleAnswers: false,
      },
    }),
    {
      pollVote: {
        ofProviderMessageId: 'BAE5F0',
        question: 'Quel jour ?',
        votes: [
          { option: 'Mardi', voters: ['33639980001@c.us'] },
          { option: 'Jeudi', voters: [] },
        ],
      },
    },
  ),

  ...[
    ['a Long', expiration],
    ['a number', 1_768_302_000],
    ['a text', '1768302000'],
  ].flatMap(([remark, inviteExpiration]) =>
    messageRows(
      `its end as ${remark}`,
      of('groupInviteMessage', {
        groupInviteMessageData: {
          groupJid: '120363000000000001@g.us',
          inviteCode: 'CODE',
          inviteExpiration,
          groupName: 'Voisins',
          caption: 'Venez !',
          jpegThumbnail: '',
        },
      }),
      {
        text: 'Venez !',
        invite: { group: '120363000000000001@g.us', code: 'CODE', name: 'Voisins', expiresAt: '2026-01-13T11:00:00.000Z' },
      },
    ),
  ),
  ...messageRows(
    'without an end',
    of('groupInviteMessage', { groupInviteMessageData: { groupJid: '120363000000000001@g.us', inviteExpiration: { low: 0, high: 0 } } }),
    { invite: { group: '120363000000000001@g.us' } },
  ),

  ...messageRows(
    '',
    of('buttonsMessage', {
      buttonsMessage: { contentText: 'Quel jour ?', footer: 'Shop', buttons: [{ buttonId: '1', buttonText: 'Mardi' }], forwardingScore: 0 },
    }),
    { buttons: { body: 'Quel jour ?', footer: 'Shop', items: [{ id: '1', title: 'Mardi', kind: 'reply' }] } },
  ),
  ...messageRows(
    '',
    of('buttonsResponseMessage', { buttonsResponseMessage: { stanzaId: 'BAE5F1', selectedButtonId: '1', selectedButtonText: 'Mardi' } }),
    { reply: { kind: 'button', id: '1', title: 'Mardi', ofProviderMessageId: 'BAE5F1' } },
  ),
  ...messageRows(
    '',
    of('listMessage', {
      listMessage: {
        contentText: 'Choisissez',
        title: 'Jours',
        footer: '',
        buttonText: 'Ouvrir',
        sections: [{ title: 'Semaine', rows: [{ title: 'Mardi', rowId: 'r1', description: 'le matin' }, { title: 'Jeudi' }] }],
        forwardingScore: 0,
        isForwarded: false,
      },
    }),
    {
      list: {
        title: 'Jours',
        body: 'Choisissez',
        buttonTitle: 'Ouvrir',
        sections: [{ title: 'Semaine', rows: [{ id: 'r1', title: 'Mardi', description: 'le matin' }, { title: 'Jeudi' }] }],
      },
    },
  ),
  ...[
    ['a text', 'r1'],
    ['an object', { selectedRowId: 'r1' }],
  ].flatMap(([remark, singleSelectReply]) =>
    messageRows(
      `the row as ${remark}`,
      of('listResponseMessage', { listResponseMessage: { stanzaId: 'BAE5F2', title: 'Mardi', listType: 1, singleSelectReply } }),
      { reply: { kind: 'list', id: 'r1', title: 'Mardi', ofProviderMessageId: 'BAE5F2' } },
    ),
  ),

  ...messageRows(
    '',
    of('templateMessage', {
      templateMessage: {
        namespace: '',
        elementName: 'rdv',
        contentText: 'Bonjour',
        footer: 'Shop',
        buttons: [
          { index: 1, urlButton: { displayText: 'Site', url: 'https://example.com' } },
          { index: 2, callButton: { displayText: 'Appeler', phoneNumber: '33639980030' } },
          { index: 3, quickReplyButton: { displayText: 'OK', id: 'ok' } },
          { index: 4, noveltyButton: {} },
        ],
      },
    }),
    {
      template: { name: 'rdv' },
      buttons: {
        body: 'Bonjour',
        footer: 'Shop',
        items: [
          { title: 'Site', kind: 'url', value: 'https://example.com' },
          { title: 'Appeler', kind: 'call', value: '33639980030' },
          { id: 'ok', title: 'OK', kind: 'reply' },
        ],
      },
    },
  ),
  ...messageRows('key in the singular', of('templateButtonsReplyMessage', { templateButtonReplyMessage: tap }), tapped('template')),
  ...messageRows('key in the plural', of('templateButtonsReplyMessage', { templateButtonsReplyMessage: tap }), tapped('template')),
  ...messageRows('all in the singular', of('templateButtonReplyMessage', { templateButtonReplyMessage: tap }), tapped('template')),

  ...messageRows('', of('interactiveButtons', { interactiveButtons: interactive }), interactiveContent, noveltyIn('interactiveButtons')),
  ...messageRows(
    'under the other key',
    of('interactiveButtons', { interactiveButtonsReply: interactive }),
    interactiveContent,
    noveltyIn('interactiveButtonsReply'),
  ),
  ...messageRows(
    '',
    of('interactiveButtonsReply', { interactiveButtonsReply: interactive }),
    interactiveContent,
    noveltyIn('interactiveButtonsReply'),
  ),
  ...messageRows('a tap', of('interactiveButtonsResponse', { interactiveButtonsResponse: tap }), tapped('button')),
  ...messageRows(
    'a tap in other words',
    of('interactiveButtonsResponse', {
      interactiveButtonsResponse: { stanzaId: 'BAE5F1', selectedButtonId: 'tue', selectedButtonText: 'Mardi', selectedIndex: 1 },
    }),
    tapped('button'),
  ),

  ...messageRows('as it comes', of('orderMessage', { orderMessage: { orderId: '42', itemCount: 2 } }), {
    order: { orderMessage: { orderId: '42', itemCount: 2 } },
  }),
  ...messageRows('as it comes', of('productMessage', { productMessage: { productId: '7' } }), {
    order: { productMessage: { productId: '7' } },
  }),
]
