import { z } from 'zod'
import { contactAddressSchema } from './contact-address.ts'

const text = z.string()
const name = z.string().min(1)

/** A file that came with or goes with a message. At least one of `url`, `ref`, `providerMediaId` and `unavailable` says where it is. */
export const mediaSchema = z.strictObject({
  kind: z.enum(['image', 'video', 'audio', 'voice', 'document', 'sticker']),
  url: text.optional().describe('Where the provider keeps it; may expire'),
  ref: name.optional().describe("The sender's own name of the file, by which it is opened when it is sent"),
  providerMediaId: name.optional(),
  mimeType: name.optional(),
  fileName: text.optional(),
  sizeBytes: z.number().int().nonnegative().optional(),
  caption: text.optional(),
  animated: z.boolean().optional(),
  contentId: name.optional().describe('Content-ID of an inline e-mail part'),
  unavailable: name.optional().describe('Why there is no file, such as "over 100 MB"'),
})
export type Media = z.infer<typeof mediaSchema>

const buttonSchema = z.strictObject({
  id: text.optional(),
  title: text,
  kind: z.enum(['reply', 'url', 'call', 'copy']).optional(),
  value: text.optional().describe('The URL, phone number or code behind the button'),
})

/** What a message says, inbound or outbound, on any channel. Every part is optional: a picture alone is a message. */
export const messageContentSchema = z.strictObject({
  text: text.optional(),
  subject: text.optional().describe('E-mail only'),
  html: text.optional().describe('E-mail only'),
  media: z.array(mediaSchema).optional(),
  location: z
    .strictObject({
      latitude: z.number().min(-90).max(90),
      longitude: z.number().min(-180).max(180),
      name: text.optional(),
      address: text.optional(),
    })
    .optional(),
  contacts: z.array(z.strictObject({ displayName: text.optional(), vcard: text.optional() })).optional(),
  poll: z.strictObject({ question: text, options: z.array(text), multipleAnswers: z.boolean().optional() }).optional(),
  pollVote: z
    .strictObject({
      ofProviderMessageId: name,
      question: text.optional(),
      votes: z.array(z.strictObject({ option: text, voters: z.array(text) })).describe('The whole state of the poll, not a change to it'),
    })
    .optional(),
  buttons: z
    .strictObject({ title: text.optional(), body: text.optional(), footer: text.optional(), items: z.array(buttonSchema) })
    .optional(),
  list: z
    .strictObject({
      title: text.optional(),
      body: text.optional(),
      footer: text.optional(),
      buttonTitle: text.optional(),
      sections: z.array(
        z.strictObject({
          title: text.optional(),
          rows: z.array(z.strictObject({ id: text.optional(), title: text, description: text.optional() })),
        }),
      ),
    })
    .optional(),
  template: z.strictObject({ namespace: text.optional(), name: text.optional(), variables: z.record(name, text).optional() }).optional(),
  reply: z
    .strictObject({
      kind: z.enum(['button', 'list', 'template']),
      id: text.optional(),
      title: text.optional(),
      ofProviderMessageId: name.optional(),
    })
    .optional()
    .describe('The other party chose one of the buttons or rows of an earlier message'),
  invite: z
    .strictObject({ group: text, code: text.optional(), name: text.optional(), expiresAt: z.iso.datetime().optional() })
    .optional()
    .describe('Invitation into a group'),
  order: z.record(name, z.json()).optional().describe('Order or product, as the provider says it'),
  link: z
    .strictObject({ title: text.optional(), description: text.optional(), preview: text.optional() })
    .optional()
    .describe('Preview of a link'),
  quoted: z
    .strictObject({ providerMessageId: name, author: contactAddressSchema.optional(), text: text.optional(), type: text.optional() })
    .optional()
    .describe('The earlier message that this one answers'),
  forwarded: z.strictObject({ score: z.number().int().nonnegative() }).optional(),
  forwardOf: z
    .strictObject({ providerMessageId: name, chat: contactAddressSchema.describe('Where the earlier message stands') })
    .optional()
    .describe('An earlier message that is passed on as it is'),
  thread: z
    .strictObject({ messageIdHeader: name.optional(), inReplyTo: z.array(name).optional(), references: z.array(name).optional() })
    .optional()
    .describe('E-mail threading headers'),
  referral: z.record(name, z.json()).optional().describe('The advertisement or link that the conversation came from'),
  flags: z.array(name).optional().describe('What the provider says about the message besides its words, such as "undecryptable"'),
  extra: z.record(name, z.json()).optional().describe('What only this provider knows'),
})
export type MessageContent = z.infer<typeof messageContentSchema>
