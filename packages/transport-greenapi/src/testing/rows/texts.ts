import { messageRows, phone, type Row, SHOP } from './row.ts'

const text = (textMessage: string, more: object = {}) => ({ typeMessage: 'textMessage', textMessageData: { textMessage, ...more } })
const extended = (data: object, more: object = {}) => ({ typeMessage: 'extendedTextMessage', extendedTextMessageData: data, ...more })

export const TEXT_ROWS: readonly Row[] = [
  ...messageRows('', text('Bonjour, est-ce encore libre ? 👋'), { text: 'Bonjour, est-ce encore libre ? 👋' }),
  ...messageRows('empty', text(''), { text: '' }),
  ...messageRows('missing', { typeMessage: 'textMessage', textMessageData: {} }, { flags: ['unreadable'] }),
  ...messageRows('missing with all around it', { typeMessage: 'textMessage' }, { flags: ['unreadable'] }),
  ...messageRows('made of a template', text('Votre rendez-vous est confirmé.', { isTemplateMessage: true }), {
    text: 'Votre rendez-vous est confirmé.',
    flags: ['template'],
  }),
  ...messageRows('the code {{SWE001}}', text('{{SWE001}}'), { flags: ['not-delivered-to-linked-devices'] }),
  ...messageRows('the code {{SWE003}}', text('{{SWE003}}'), { flags: ['undecryptable'] }),
  ...messageRows('a code of tomorrow', text('{{SWE017}}'), { flags: ['swe017'] }),
  ...messageRows('a text that begins with a code', text('{{SWE001}} ?'), { text: '{{SWE001}} ?' }),
  ...messageRows('a text that ends in a code', text('Why {{SWE001}}'), { text: 'Why {{SWE001}}' }),
  ...messageRows(
    'which answers a text',
    {
      ...text('Oui, mardi me va'),
      quotedMessage: { stanzaId: '3EB0AA', participant: '33639980010@c.us', typeMessage: 'textMessage', textMessage: 'Mardi 14 h ?' },
    },
    { text: 'Oui, mardi me va', quoted: { providerMessageId: '3EB0AA', author: SHOP, text: 'Mardi 14 h ?', type: 'textMessage' } },
  ),
  ...messageRows(
    'which answers an oddity',
    { ...text('Oui'), quotedMessage: { stanzaId: '3EB0AA', participant: '0@c.us', typeMessage: 7, textMessage: { x: 1 } } },
    { text: 'Oui', quoted: { providerMessageId: '3EB0AA', author: { kind: 'other', value: 'other:0%40c.us', raw: '0@c.us' } } },
    [
      'messageData.quotedMessage.typeMessage: Invalid input: expected string, received number',
      'messageData.quotedMessage.textMessage: Invalid input: expected string, received object',
    ],
  ),

  ...messageRows('plain, as an API send comes back', extended({ text: 'Bonjour', description: '', title: '', previewType: 'None' }), {
    text: 'Bonjour',
  }),
  ...messageRows(
    'with a link, passed on',
    extended({
      text: 'https://example.com/video',
      description: 'How to choose',
      title: 'Our shop',
      previewType: 'Video',
      jpegThumbnail: '/9j/4AAQ',
      forwardingScore: 2,
      isForwarded: true,
    }),
    {
      text: 'https://example.com/video',
      link: { title: 'Our shop', description: 'How to choose', preview: 'Video' },
      forwarded: { score: 2 },
    },
  ),
  ...messageRows(
    'which answers a picture',
    extended(
      { text: 'Celui-ci' },
      { quotedMessage: { stanzaId: '3EB0AB', participant: '33639980001@c.us', typeMessage: 'imageMessage', caption: 'Le bleu ?' } },
    ),
    {
      text: 'Celui-ci',
      quoted: { providerMessageId: '3EB0AB', author: phone('33639980001'), text: 'Le bleu ?', type: 'imageMessage' },
    },
  ),

  ...messageRows(
    '',
    {
      typeMessage: 'quotedMessage',
      extendedTextMessageData: { text: 'Parfait', stanzaId: '3EB0AC', participant: '33639980010@c.us' },
      quotedMessage: {
        stanzaId: '3EB0AC',
        participant: '33639980010@c.us',
        typeMessage: 'extendedTextMessage',
        extendedTextMessage: { text: 'À demain' },
      },
    },
    { text: 'Parfait', quoted: { providerMessageId: '3EB0AC', author: SHOP, text: 'À demain', type: 'extendedTextMessage' } },
  ),
  ...messageRows(
    'without the quotation itself',
    {
      typeMessage: 'quotedMessage',
      extendedTextMessageData: { text: 'Parfait', stanzaId: '3EB0AC', participant: '33639980010@c.us' },
    },
    { text: 'Parfait', quoted: { providerMessageId: '3EB0AC', author: SHOP } },
  ),
]
