import { z } from 'zod'
import { chatIdSchema } from './chat.ts'

const MAX_CHARACTERS = 20_000
const text = z.string().min(1).max(MAX_CHARACTERS)
const caption = z.string().max(MAX_CHARACTERS).optional()
const typingTime = z.number().int().min(1_000).max(20_000).optional()
const common = { chatId: chatIdSchema, quotedMessageId: z.string().min(1).optional() }
const fileName = z.string().regex(/\.[a-z0-9]{1,8}$/i, "'fileName' must have an extension")

/** What each method takes, and nothing besides: https://green-api.com/en/docs/api/sending/ */
export const sendSchemas = {
  sendMessage: z.strictObject({
    ...common,
    message: text,
    linkPreview: z.boolean().optional(),
    typePreview: z.enum(['large', 'small']).optional(),
    customPreview: z.record(z.string(), z.unknown()).optional(),
    typingTime,
    archiveChat: z.boolean().optional(),
  }),
  sendFileByUrl: z.strictObject({
    ...common,
    urlFile: z.url({ protocol: /^https?$/ }),
    fileName,
    caption,
    typingTime,
    typingType: z.literal('recording').optional(),
  }),
  sendFileByUpload: z.strictObject({ ...common, fileName, caption }),
  sendLocation: z.strictObject({
    ...common,
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
    nameLocation: z.string().optional(),
    address: z.string().optional(),
  }),
  sendContact: z.strictObject({
    ...common,
    contact: z.strictObject({
      phoneContact: z.number().int().positive(),
      firstName: z.string().optional(),
      middleName: z.string().optional(),
      lastName: z.string().optional(),
      company: z.string().optional(),
    }),
  }),
  sendPoll: z.strictObject({
    ...common,
    message: z.string().min(1).max(255),
    options: z
      .array(z.strictObject({ optionName: z.string().min(1).max(100) }))
      .min(2)
      .max(12)
      .refine((options) => new Set(options.map(({ optionName }) => optionName)).size === options.length, "'options' must be different"),
    multipleAnswers: z.boolean().optional(),
  }),
  sendInteractiveButtons: z.strictObject({
    ...common,
    header: z.string().optional(),
    body: text,
    footer: z.string().optional(),
    buttons: z
      .array(
        z.strictObject({
          type: z.enum(['copy', 'call', 'url']),
          buttonId: z.string(),
          buttonText: z.string().min(1).max(25),
          copyCode: z.string().optional(),
          phoneNumber: z.string().optional(),
          url: z.string().optional(),
        }),
      )
      .min(1)
      .max(3),
  }),
  sendInteractiveButtonsReply: z.strictObject({
    ...common,
    header: z.string().optional(),
    body: text,
    footer: z.string().optional(),
    buttons: z
      .array(z.strictObject({ buttonId: z.string(), buttonText: z.string().min(1).max(25) }))
      .min(1)
      .max(3),
  }),
} as const

export type SendMethod = keyof typeof sendSchemas
type Body<Method extends SendMethod> = z.infer<(typeof sendSchemas)[Method]>
type MessageData = Record<string, unknown> & { typeMessage: string }

const notForwarded = { forwardingScore: 0, isForwarded: false }

/** The message that each method makes, as a notification shows it. */
const messageDataOf: { readonly [Method in SendMethod]: (body: Body<Method>, urlFile?: string) => MessageData } = {
  sendMessage: ({ message }) => ({
    typeMessage: 'extendedTextMessage',
    extendedTextMessageData: { text: message, description: '', title: '', previewType: 'None', jpegThumbnail: '', ...notForwarded },
  }),
  sendFileByUrl: ({ urlFile, fileName: name, caption: words }) => fileData(urlFile, name, words),
  sendFileByUpload: ({ fileName: name, caption: words }, urlFile = '') => fileData(urlFile, name, words),
  sendLocation: ({ latitude, longitude, nameLocation = '', address = '' }) => ({
    typeMessage: 'locationMessage',
    locationMessageData: { nameLocation, address, latitude, longitude, jpegThumbnail: '', ...notForwarded },
  }),
  sendContact: ({ contact: { phoneContact, firstName = '', middleName = '', lastName = '', company } }) => {
    const displayName = [firstName, middleName, lastName].filter(Boolean).join(' ') || company || String(phoneContact)
    const vcard = [
      'BEGIN:VCARD',
      'VERSION:3.0',
      `N:${lastName};${firstName};${middleName};;`,
      `FN:${displayName}`,
      ...(company ? [`ORG:${company}`] : []),
      `TEL;TYPE=CELL;waid=${phoneContact}:+${phoneContact}`,
      'END:VCARD',
    ].join('\n')
    return { typeMessage: 'contactMessage', contactMessageData: { displayName, vcard, ...notForwarded } }
  },
  sendPoll: ({ message, options, multipleAnswers = false }) => ({
    typeMessage: 'pollMessage',
    pollMessageData: { name: message, options, multipleAnswers },
  }),
  sendInteractiveButtons: ({ header = '', body, footer = '', buttons }) => ({
    typeMessage: 'interactiveButtons',
    interactiveButtons: { titleText: header, contentText: body, footerText: footer, buttons },
  }),
  sendInteractiveButtonsReply: ({ header = '', body, footer = '', buttons }) => ({
    typeMessage: 'interactiveButtonsReply',
    interactiveButtonsReply: {
      titleText: header,
      contentText: body,
      footerText: footer,
      buttons: buttons.map((button) => ({ type: 'reply', ...button })),
    },
  }),
}

/** The message that a checked body makes. `urlFile` is where an upload was kept. */
export function messageDataFor<Method extends SendMethod>(method: Method, body: Body<Method>, urlFile?: string): MessageData {
  return (messageDataOf[method] as (checked: Body<Method>, url?: string) => MessageData)(body, urlFile)
}

const KIND_OF_EXTENSION: readonly (readonly [RegExp, string, string])[] = [
  [/\.(jpe?g|png|gif)$/i, 'imageMessage', 'image/jpeg'],
  [/\.(mp4|mov|avi)$/i, 'videoMessage', 'video/mp4'],
  [/\.(mp3|ogg|oga|wav|m4a)$/i, 'audioMessage', 'audio/ogg'],
]

/** The extension decides the kind. */
export function fileData(downloadUrl: string, name: string, words = ''): MessageData {
  const [, typeMessage, mimeType] = KIND_OF_EXTENSION.find(([extension]) => extension.test(name)) ?? [
    undefined,
    'documentMessage',
    'application/octet-stream',
  ]
  return {
    typeMessage,
    fileMessageData: { downloadUrl, caption: words, fileName: name, jpegThumbnail: '', isAnimated: false, mimeType, ...notForwarded },
  }
}
