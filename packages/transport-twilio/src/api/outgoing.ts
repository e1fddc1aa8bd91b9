import { CommsError, type FailureClass, type Media, type OutboundMessage } from '@pipe-comms/core'
import type { MessageListInstanceCreateOptions } from 'twilio/lib/rest/api/v2010/account/message.js'
import { z } from 'zod'
import { type CheckedOptions, webhookUrl } from '../options.ts'
import { MESSAGE_ID } from '../webhook/status.ts'

/** https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
const MAX_CHARACTERS = 1_600
const MAX_MEDIA = 10

/** `options` of a message that Twilio knows. Names and meanings are those of the API. */
const messageOptions = z.strictObject({
  channel: z.enum(['sms', 'whatsapp']).optional(),
  from: z.string().min(1).optional(),
  messagingServiceSid: z.string().startsWith('MG').optional(),
  validityPeriod: z.number().int().min(1).max(36_000).optional(),
  sendAt: z.iso.datetime().optional(),
  contentSid: z.string().startsWith('HX').optional(),
  contentVariables: z.record(z.string(), z.string()).optional(),
  smartEncoded: z.boolean().optional(),
  sendAsMms: z.boolean().optional(),
  shortenUrls: z.boolean().optional(),
  riskCheck: z.enum(['enable', 'disable']).optional(),
  fallbackFrom: z.string().min(1).optional(),
})

/**
 * The API's parameters of a message.
 * @throws CommsError `send_rejected` for what Twilio cannot take, `transport_misconfigured` when nobody is there to send it.
 */
export function outgoing(message: OutboundMessage, options: CheckedOptions): MessageListInstanceCreateOptions {
  const checked = messageOptions.safeParse(message.options ?? {})
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) => `options.${issue.path.join('.')}: ${issue.message}`)
    throw rejected('configuration', problems.join('; '))
  }
  const { channel: wanted, from, messagingServiceSid, sendAt, contentSid, contentVariables, ...passed } = checked.data
  const { to, channel } = recipient(message, wanted ?? options.channel)
  const given = Object.fromEntries(Object.entries(passed).filter(([, value]) => value !== undefined))
  return {
    to,
    ...sender(channel, { from, messagingServiceSid }, options, sendAt !== undefined),
    ...bodyOf(message, channel, contentSid, contentVariables),
    ...callback(message, options),
    ...(sendAt === undefined ? {} : { scheduleType: 'fixed' as const, sendAt: new Date(sendAt) }),
    ...given,
  }
}

/** An answer goes to the address that wrote, which names its channel; other addresses go where the message or the transport says. */
function recipient({ to }: OutboundMessage, otherwise: string): { to: string; channel: string } {
  const [, prefix] = /^(whatsapp|rcs):/.exec(to.raw) ?? []
  if (prefix && (to.kind === 'phone' || to.kind === 'lid')) return { to: to.raw, channel: prefix }
  if (to.kind !== 'phone' && !(to.kind === 'short-code' && otherwise === 'sms')) {
    throw rejected('recipient', `expected a phone number, got ${to.kind} ${to.value}`)
  }
  return { to: otherwise === 'whatsapp' ? `whatsapp:${to.value}` : to.value, channel: otherwise }
}

function sender(
  channel: string,
  message: { from: string | undefined; messagingServiceSid: string | undefined },
  options: CheckedOptions,
  scheduled: boolean,
): { from?: string; messagingServiceSid?: string } {
  const own = message.from ?? (message.messagingServiceSid ? undefined : channel === 'whatsapp' ? options.whatsappFrom : options.from)
  const from = own !== undefined && channel === 'whatsapp' && !own.startsWith('whatsapp:') ? `whatsapp:${own}` : own
  // Twilio schedules through a Messaging Service only; it may still be told which of its senders to take.
  const service = message.messagingServiceSid ?? (from === undefined || scheduled ? options.messagingServiceSid : undefined)
  if (scheduled && !service) throw misconfigured('sendAt needs a Messaging Service: set messagingServiceSid')
  if (from === undefined && service === undefined) {
    throw misconfigured(`nobody to send ${channel} from: set ${channel === 'whatsapp' ? 'whatsappFrom' : 'from'} or messagingServiceSid`)
  }
  return { ...(from === undefined ? {} : { from }), ...(service === undefined ? {} : { messagingServiceSid: service }) }
}

function bodyOf(
  { content }: OutboundMessage,
  channel: string,
  contentSid: string | undefined,
  variables: Record<string, string> | undefined,
): Partial<MessageListInstanceCreateOptions> {
  const { text, media = [], location, template, ...other } = content
  if (Object.keys(other).length > 0) {
    throw rejected('content', `expected text, media, a location or a content template, got also ${Object.keys(other).join(', ')}`)
  }
  const sid = contentSid ?? template?.name
  if (template && !sid?.startsWith('HX')) throw rejected('content', 'expected the ContentSid (HX…) of the template as its name')
  if (location && channel !== 'whatsapp') throw rejected('content', `expected no location on ${channel}: only WhatsApp takes one`)
  if (media.length > MAX_MEDIA) throw rejected('content', `expected at most ${MAX_MEDIA} media, got ${media.length}`)
  const mediaUrl = media.map(({ url, kind }) => {
    if (!url) throw rejected('content', `expected the public URL of each file, from where Twilio fetches it; this ${kind} has none`)
    return url
  })
  const body = wordsOf(text, media)
  if (body && body.length > MAX_CHARACTERS) throw rejected('content', `expected at most ${MAX_CHARACTERS} characters, got ${body.length}`)
  if (!body && mediaUrl.length === 0 && !sid && !location)
    throw rejected('content', 'expected a text, media or a content template, got none')
  const contentVariables = variables ?? template?.variables
  if (contentVariables && !sid) throw rejected('content', 'expected contentSid or a template beside contentVariables, got none')
  // https://www.twilio.com/docs/content/send-templates-created-with-the-content-template-builder
  if (sid && (body || mediaUrl.length > 0 || location))
    throw rejected('content', 'expected nothing beside a content template, which says all itself')
  if (location && mediaUrl.length > 0) throw rejected('content', 'expected no file beside a location')
  if (channel === 'whatsapp' && mediaUrl.length > 1)
    throw rejected('content', `expected one file in a WhatsApp message, got ${mediaUrl.length}`)
  return {
    ...(body ? { body } : {}),
    ...(mediaUrl.length > 0 ? { mediaUrl } : {}),
    ...(location ? { persistentAction: [geo(location)] } : {}),
    ...(sid ? { contentSid: sid } : {}),
    ...(sid && contentVariables ? { contentVariables: JSON.stringify(contentVariables) } : {}),
  }
}

/** A message of Twilio has one text. A caption takes its place; beside a text, or beside another caption, there is none for it. */
function wordsOf(text: string | undefined, media: readonly Media[]): string | undefined {
  const captions = media.flatMap(({ caption }) => (caption ? [caption] : []))
  if (captions.length > (text ? 0 : 1))
    throw rejected('content', `expected one text or one caption, got ${text ? 'a text and ' : ''}${captions.length} captions`)
  return text || captions[0]
}

/** https://www.twilio.com/docs/whatsapp/message-features#location-messages-with-whatsapp */
function geo({ latitude, longitude, name, address }: NonNullable<OutboundMessage['content']['location']>): string {
  const label = [name, address].filter(Boolean).join(', ')
  return `geo:${latitude},${longitude}${label ? `|${label}` : ''}`
}

/** Without a public URL there is nobody to call. */
function callback({ messageId }: OutboundMessage, options: CheckedOptions): { statusCallback?: string } {
  const url = webhookUrl(options, 'status')
  if (url === undefined) return {}
  const fragment = options.connectionOverrides ? `#${options.connectionOverrides}` : ''
  return { statusCallback: `${url}?${MESSAGE_ID}=${plainly(messageId)}${fragment}` }
}

/** Encodes also the signs that servers along the way write in more than one manner: the query is signed as it is. */
function plainly(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}

function rejected(failure: FailureClass, reason: string): CommsError {
  return new CommsError('send_rejected', `Twilio: ${reason}`, { failure })
}

function misconfigured(reason: string): CommsError {
  return new CommsError('transport_misconfigured', `Twilio: ${reason}`)
}
