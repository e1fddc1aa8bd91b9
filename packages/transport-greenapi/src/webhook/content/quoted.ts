import type { MessageContent } from '@pipe-comms/core'
import { z } from 'zod'
import { addressIfAny, present, text } from '../notification.ts'
import { readText } from './text-code.ts'

const lenient = text.catch(undefined)

/**
 * What a message answers; any message may. The fields lie flatter here than in a message of its own. A quotation is a courtesy: what is
 * odd in one is left out, lest the answer itself be held up. https://green-api.com/en/docs/api/receiving/notifications-format/incoming-message/QuotedMessage/
 */
export const quotedSchema = z
  .looseObject({
    stanzaId: lenient,
    participant: lenient,
    typeMessage: lenient,
    textMessage: lenient,
    extendedTextMessage: z.looseObject({ text: lenient }).nullish().catch(undefined),
    caption: lenient,
  })
  .nullish()
  .catch(undefined)

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
