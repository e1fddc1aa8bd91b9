import { isCommsError, type MessageContent, parseContactAddress } from '@pipe-comms/core'
import { describe, expect, it } from 'vitest'
import { checkOptions } from '../options.ts'
import { ACCOUNT_SID, AUTH_TOKEN, OUR_NUMBER, PUBLIC_URL, sidOf } from '../testing/payloads.ts'
import { outgoing } from './outgoing.ts'

const options = checkOptions({
  accountSid: ACCOUNT_SID,
  authToken: AUTH_TOKEN,
  publicUrl: PUBLIC_URL,
  from: OUR_NUMBER,
  whatsappFrom: '+12025550111',
})
const url = (name: string) => `https://files.example.com/${name}`

/** Every part that a message may have; each word that a person reads begins with `word`. */
const PARTS: Readonly<Record<string, MessageContent>> = {
  text: { text: 'wordText' },
  'an empty text': { text: '' },
  subject: { subject: 'wordSubject' },
  html: { html: '<p>wordHtml</p>' },
  'a file': { media: [{ kind: 'document', url: url('wordFile.pdf') }] },
  'a file with its caption': { media: [{ kind: 'image', url: url('wordImage.png'), caption: 'wordCaption' }] },
  'two files with captions': {
    media: ['One', 'Two'].map((name) => ({ kind: 'image', url: url(`word${name}.png`), caption: `wordCaption${name}` })),
  },
  location: { location: { latitude: 1, longitude: 2, name: 'wordPlace', address: 'wordAddress' } },
  contacts: { contacts: [{ displayName: 'wordName', vcard: 'BEGIN:VCARD\nTEL:+33639980002\nEND:VCARD' }] },
  poll: { poll: { question: 'wordQuestion', options: ['wordA', 'wordB'] } },
  buttons: {
    buttons: { title: 'wordTitle', body: 'wordBody', footer: 'wordFooter', items: [{ title: 'wordButton', value: 'wordValue' }] },
  },
  list: { list: { title: 'wordList', sections: [{ rows: [{ title: 'wordRow' }] }] } },
  template: { template: { name: sidOf('HX', 1), variables: { 1: 'wordVariable' } } },
  quoted: { quoted: { providerMessageId: 'wordQuoted' } },
  'a passed-on message': { forwardOf: { providerMessageId: 'wordForward', chat: parseContactAddress('+33639980002') } },
}

describe.each(['+33639980001', 'whatsapp:+33639980001'])('what is accepted for %s', (to) => {
  const pairs = Object.keys(PARTS).flatMap((one, index) =>
    Object.keys(PARTS)
      .slice(index)
      .map((other) => [one, other] as const),
  )

  it.each(pairs)('goes out whole or is refused: %s and %s', (one, other) => {
    const content = { ...PARTS[one], ...PARTS[other] }
    const words = JSON.stringify(content).match(/word\w+/g) ?? []
    let sent: string
    try {
      sent = JSON.stringify(outgoing({ messageId: 'm-1', to: parseContactAddress(to), content }, options))
    } catch (error) {
      expect(isCommsError(error, 'send_rejected')).toBe(true)
      return
    }
    for (const word of words) expect(sent).toContain(word)
  })
})
