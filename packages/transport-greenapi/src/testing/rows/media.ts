import { messageRows, type Row } from './row.ts'

const file = (typeMessage: string, data: object, more: object = {}) => ({
  typeMessage,
  fileMessageData: { caption: '', jpegThumbnail: '', isAnimated: false, forwardingScore: 0, isForwarded: false, ...data },
  ...more,
})
const url = 'https://media.example.com/7105000001/f'
const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:Alex Martin\nTEL;waid=33639980021:+33 6 39 98 00 21\nEND:VCARD'

export const MEDIA_ROWS: readonly Row[] = [
  ...messageRows(
    'with a caption',
    file('imageMessage', { downloadUrl: `${url}.jpg`, caption: 'Le plan', fileName: 'plan.jpg', mimeType: 'image/jpeg' }),
    { media: [{ kind: 'image', url: `${url}.jpg`, mimeType: 'image/jpeg', fileName: 'plan.jpg', caption: 'Le plan' }] },
  ),
  ...messageRows(
    'of the older, short form',
    { typeMessage: 'imageMessage', fileMessageData: { downloadUrl: `${url}.jpg`, caption: null } },
    {
      media: [{ kind: 'image', url: `${url}.jpg` }],
    },
  ),
  ...messageRows(
    'which answers a text',
    file(
      'imageMessage',
      { downloadUrl: `${url}.jpg` },
      { quotedMessage: { stanzaId: '3EB0AD', participant: '33639980001@c.us', typeMessage: 'textMessage', textMessage: 'Une photo ?' } },
    ),
    {
      media: [{ kind: 'image', url: `${url}.jpg` }],
      quoted: {
        providerMessageId: '3EB0AD',
        author: { kind: 'phone', value: '+33639980001', raw: '33639980001@c.us' },
        text: 'Une photo ?',
        type: 'textMessage',
      },
    },
  ),
  ...messageRows('over 100 MB', file('videoMessage', { downloadUrl: '{{SWE002}}', fileName: 'visite.mp4', mimeType: 'video/mp4' }), {
    media: [{ kind: 'video', unavailable: 'over 100 MB', mimeType: 'video/mp4', fileName: 'visite.mp4' }],
  }),
  ...messageRows(
    'a GIF, passed on',
    file('videoMessage', { downloadUrl: `${url}.mp4`, isAnimated: true, forwardingScore: 5, isForwarded: true }),
    {
      media: [{ kind: 'video', url: `${url}.mp4`, animated: true }],
      forwarded: { score: 5 },
    },
  ),
  ...messageRows('without its URL', file('documentMessage', { downloadUrl: '', fileName: 'devis.pdf', mimeType: 'application/pdf' }), {
    media: [{ kind: 'document', unavailable: 'no download URL', mimeType: 'application/pdf', fileName: 'devis.pdf' }],
  }),
  ...messageRows(
    'a voice note',
    file('audioMessage', { downloadUrl: `${url}.oga`, fileName: 'f.oga', mimeType: 'audio/ogg; codecs=opus' }),
    { media: [{ kind: 'voice', url: `${url}.oga`, mimeType: 'audio/ogg; codecs=opus', fileName: 'f.oga' }] },
  ),
  ...messageRows('a sound file', file('audioMessage', { downloadUrl: `${url}.mp3`, mimeType: 'audio/mpeg' }), {
    media: [{ kind: 'audio', url: `${url}.mp3`, mimeType: 'audio/mpeg' }],
  }),
  ...messageRows('', file('stickerMessage', { downloadUrl: `${url}.webp`, mimeType: 'image/webp', isAnimated: true }), {
    media: [{ kind: 'sticker', url: `${url}.webp`, mimeType: 'image/webp', animated: true }],
  }),

  ...messageRows(
    '',
    {
      typeMessage: 'locationMessage',
      locationMessageData: {
        nameLocation: 'Mairie',
        address: 'Place Bellecour, Lyon',
        jpegThumbnail: '',
        latitude: 45.7578,
        longitude: 4.832,
      },
    },
    { location: { latitude: 45.7578, longitude: 4.832, name: 'Mairie', address: 'Place Bellecour, Lyon' } },
  ),
  ...messageRows(
    'one contact',
    { typeMessage: 'contactMessage', contactMessageData: { displayName: 'Alex Martin', vcard } },
    {
      contacts: [{ displayName: 'Alex Martin', vcard }],
    },
  ),
  ...messageRows(
    'the key is messageData once more',
    {
      typeMessage: 'contactsArrayMessage',
      messageData: { contacts: [{ displayName: 'Alex Martin', vcard }, { displayName: '' }], forwardingScore: 1, isForwarded: true },
    },
    { contacts: [{ displayName: 'Alex Martin', vcard }, {}], forwarded: { score: 1 } },
  ),
]
