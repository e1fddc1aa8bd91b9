import type { MessageContent } from '@pipe-comms/core'
import { z } from 'zod'
import { boolean, present, text } from '../notification.ts'
import { quotedOf } from './quoted.ts'
import { type ContentReaders, content, forwardedOf, forwarding } from './reader.ts'
import { readText } from './text-code.ts'

/** Also how a plain text that was sent through the API comes back, and the older form of an answer. */
const extendedSchema = z.looseObject({
  extendedTextMessageData: z.looseObject({
    text: z.string(),
    title: text,
    description: text,
    previewType: text,
    stanzaId: text,
    participant: text,
    ...forwarding,
  }),
})

const extendedText = content(extendedSchema, ({ extendedTextMessageData: data }) => {
  const { title, description, previewType, stanzaId, participant } = data
  const link = present({ title, description, preview: previewType === 'None' ? undefined : previewType })
  return {
    ...textOrFlags(data.text),
    ...present({
      link: Object.keys(link).length > 0 ? link : undefined,
      forwarded: forwardedOf(data),
      quoted: quotedOf({ stanzaId, participant }),
    }),
  }
})

/** https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/TextMessage/ */
export const TEXTS: ContentReaders = {
  textMessage: content(
    z.looseObject({ textMessageData: z.looseObject({ textMessage: z.string(), isTemplateMessage: boolean }) }),
    ({ textMessageData: { textMessage, isTemplateMessage } }) => textOrFlags(textMessage, isTemplateMessage ? ['template'] : []),
  ),
  extendedTextMessage: extendedText,
  quotedMessage: extendedText,
}

/** An empty text is a text too: the message came. */
function textOrFlags(written: string, flags: readonly string[] = []): Pick<MessageContent, 'text' | 'flags'> {
  const { text, flag } = readText(written)
  const all = flag === undefined ? [...flags] : [...flags, flag]
  return present({ text, flags: all.length > 0 ? all : undefined })
}
