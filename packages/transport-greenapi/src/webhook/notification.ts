import { z } from 'zod'

/**
 * The fields of a notification that we read; whatever else comes with them is let pass and kept raw.
 * https://green-api.com/en/docs/api/receiving/notifications-format/
 */
const text = z.string()
const name = z.string().min(1)

export const envelopeSchema = z.looseObject({
  typeWebhook: name,
  instanceData: z.looseObject({
    idInstance: z.union([z.number().int().nonnegative(), z.string().regex(/^\d+$/)]).transform(String),
    wid: text.optional(),
  }),
  // Unix seconds.
  timestamp: z.number().int().positive().max(99_999_999_999).optional(),
})

const senderSchema = z.looseObject({
  chatId: name,
  sender: name.optional(),
  chatName: text.optional(),
  senderName: text.optional(),
  senderContactName: text.optional(),
})

const forwarding = { forwardingScore: z.number().optional(), isForwarded: z.boolean().optional() }

const quotedSchema = z.looseObject({
  stanzaId: text.optional(),
  participant: text.optional(),
  typeMessage: text.optional(),
  textMessage: text.optional(),
  extendedTextMessage: z.looseObject({ text: text.optional() }).optional(),
  caption: text.optional(),
})
export type Quoted = z.infer<typeof quotedSchema>

const quotedMessage = quotedSchema.optional()

export const messageSchema = z.discriminatedUnion('typeMessage', [
  z.looseObject({
    typeMessage: z.literal('textMessage'),
    textMessageData: z.looseObject({ textMessage: text, isTemplateMessage: z.boolean().optional() }),
    quotedMessage,
  }),
  z.looseObject({
    typeMessage: z.literal('extendedTextMessage'),
    extendedTextMessageData: z.looseObject({
      text,
      description: text.optional(),
      title: text.optional(),
      previewType: text.optional(),
      ...forwarding,
    }),
    quotedMessage,
  }),
])
export type Message = z.infer<typeof messageSchema>

export const receivedSchema = envelopeSchema.extend({
  idMessage: name,
  senderData: senderSchema,
  messageData: z.looseObject({ typeMessage: name }),
})
