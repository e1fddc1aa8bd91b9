import type { MessageContent } from '@pipe-comms/core'
import { z } from 'zod'
import { boolean, present, text } from '../notification.ts'
import { quotedOf } from './quoted.ts'
import { type ContentReaders, content, forwardedOf, forwarding, TEMPLATE } from './reader.ts'
import { readText } from './text-code.ts'

/** Also how a plain text that was sent through the API comes back, and the older form of an answer. */
const extendedSchema = z.looseObject({
  extendedTextMessageData: z
    .looseObject({
      text: z.string().nullish(),
      title: text,
      description: text,
      previewType: text,
      stanzaId: text,
      participant: text,
      ...forwarding,
    })
    .nullish(),
})

const extendedText = content(extendedSchema, ({ extendedTextMessageData: data }) => {
  if (!data) return {}
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
    z.looseObject({ textMessageData: z.looseObject({ textMessage: z.string().nullish(), isTemplateMessage: boolean }).nullish() }),
    ({ textMessageData }) => textOrFlags(textMessageData?.textMessage, textMessageData?.isTemplateMessage ? [TEMPLATE] : []),
  ),
  extendedTextMessage: extendedText,
  quotedMessage: extendedText,
}

/** An empty text is a text too: the message came. */
function textOrFlags(written: string | null | undefined, flags: readonly string[] = []): Pick<MessageContent, 'text' | 'flags'> {
  const { text, flag } = readText(written ?? undefined)
  const all = flag === undefined ? [...flags] : [...flags, flag]
  return present({ text, flags: all.length > 0 ? all : undefined })
}
