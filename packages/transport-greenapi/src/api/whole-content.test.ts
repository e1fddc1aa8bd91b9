import { isCommsError, type MessageContent, parseContactAddress } from '@pipe-comms/core'
import { expect, it } from 'vitest'
import { draftOf } from './draft.ts'
import { chooseCall } from './send.ts'

const url = (name: string) => `https://files.example.com/${name}`
const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:wordName\nTEL:+33639980002\nEND:VCARD'
const button = { title: 'wordButton' }

/** Every part that a message may have; each word that a person reads begins with `word`. */
const PARTS: Readonly<Record<string, MessageContent>> = {
  text: { text: 'wordText' },
  'an empty text': { text: '' },
  subject: { subject: 'wordSubject' },
  html: { html: '<p>wordHtml</p>' },
  'a file': { media: [{ kind: 'document', url: url('wordFile.pdf'), fileName: 'wordName.pdf' }] },
  'a picture with its caption': { media: [{ kind: 'image', url: url('wordImage.png'), caption: 'wordCaption' }] },
  'a voice note with a caption': { media: [{ kind: 'voice', url: url('wordVoice.ogg'), caption: 'wordCaption' }] },
  'a sticker with a caption': { media: [{ kind: 'sticker', url: url('wordSticker.webp'), caption: 'wordCaption' }] },
  'a sound': { media: [{ kind: 'audio', url: url('wordSound.mp3') }] },
  'two files': { media: ['One', 'Two'].map((name) => ({ kind: 'image', url: url(`word${name}.png`) })) },
  location: { location: { latitude: 1, longitude: 2, name: 'wordPlace', address: 'wordAddress' } },
  contacts: { contacts: [{ displayName: 'wordName', vcard }] },
  'two contacts': { contacts: [{ vcard }, { vcard: vcard.replaceAll('wordName', 'wordOther') }] },
  poll: { poll: { question: 'wordQuestion', options: ['wordA', 'wordB'] } },
  buttons: { buttons: { title: 'wordTitle', body: 'wordBody', footer: 'wordFooter', items: [button] } },
  'buttons without a text': { buttons: { items: [button] } },
  'a button that answers and opens': { buttons: { body: 'wordBody', items: [{ ...button, value: 'wordValue' }] } },
  'a button that opens': { buttons: { body: 'wordBody', items: [{ ...button, kind: 'url', value: url('wordValue') }] } },
  list: { list: { title: 'wordList', sections: [{ rows: [{ title: 'wordRow' }] }] } },
  template: { template: { name: 'wordTemplate' } },
  quoted: { quoted: { providerMessageId: 'wordQuoted' } },
  'a passed-on message': { forwardOf: { providerMessageId: 'wordForward', chat: parseContactAddress('33639980002@c.us') } },
}
const pairs = Object.keys(PARTS).flatMap((one, index) =>
  Object.keys(PARTS)
    .slice(index)
    .map((other) => [one, other] as const),
)

it.each(pairs)('what is accepted goes out whole, the rest is refused: %s and %s', (one, other) => {
  const content = { ...PARTS[one], ...PARTS[other] }
  // A contact's name in its vCard is the one that goes out; the file is known by its URL or its name.
  const words = JSON.stringify(content).match(/word\w+/g) ?? []
  let sent: string
  try {
    sent = JSON.stringify(chooseCall(draftOf({ messageId: 'm-1', to: parseContactAddress('33639980001@c.us'), content })))
  } catch (error) {
    expect(isCommsError(error, 'send_rejected')).toBe(true)
    return
  }
  for (const word of words) expect(sent).toContain(word)
})
