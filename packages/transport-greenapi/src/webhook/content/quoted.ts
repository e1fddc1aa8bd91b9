import type { MessageContent } from '@pipe-comms/core'
import { z } from 'zod'
import { addressIfAny, present, text } from '../notification.ts'
import { readText } from './text-code.ts'

/**
 * What a message answers; any message may. The fields lie flatter here than in a message of its own. A quotation is a courtesy: what is
 * odd in one is left out, and the answer itself is kept. https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/QuotedMessage/
 */
export const quotedSchema = z
  .looseObject({
    stanzaId: text,
    participant: text,
    typeMessage: text,
    textMessage: text,
    extendedTextMessage: z.looseObject({ text }).nullish(),
    caption: text,
  })
  .nullish()

/** Nothing when the id of the earlier message is missing. */
export function quotedOf(quoted: Partial<NonNullable<z.output<typeof quotedSchema>>> | null | undefined): MessageContent['quoted'] {
  if (!quoted?.stanzaId) return undefined
  return {
    providerMessageId: quoted.stanzaId,
    ...present({
      author: addressIfAny(quoted.participant),
      text: readText(quoted.textMessage ?? quoted.extendedTextMessage?.text ?? quoted.caption).text,
      type: quoted.typeMessage,
    }),
  }
}
