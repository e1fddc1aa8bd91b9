import type { Media, MessageContent } from '@pipe-comms/core'
import { addressIfAny } from '../address.ts'
import { one, type Parameters } from './parameters.ts'

/** WhatsApp says "forwarded many times" from the fifth on. https://faq.whatsapp.com/1053543185312573 */
const FREQUENTLY = 5

/** What an incoming message says. https://www.twilio.com/docs/messaging/guides/webhook-request */
export function contentOf(parameters: Parameters, channel: string): MessageContent {
  const body = one(parameters, 'Body')
  const media = mediaOf(parameters, channel)
  const location = locationOf(parameters)
  const reply = replyOf(parameters)
  const quoted = quotedOf(parameters)
  const referral = referralOf(parameters)
  const extra = extraOf(parameters)
  return {
    // A picture alone has an empty body, and so has a text that is empty.
    ...(body !== undefined || (media.length === 0 && !location && !reply) ? { text: body ?? '' } : {}),
    ...(media.length > 0 ? { media } : {}),
    ...(location ? { location } : {}),
    ...(reply ? { reply } : {}),
    ...(quoted ? { quoted } : {}),
    ...(isTrue(parameters, 'Forwarded') || isTrue(parameters, 'FrequentlyForwarded')
      ? { forwarded: { score: isTrue(parameters, 'FrequentlyForwarded') ? FREQUENTLY : 1 } }
      : {}),
    ...(referral ? { referral } : {}),
    ...(extra ? { extra } : {}),
  }
}

function mediaOf(parameters: Parameters, channel: string): Media[] {
  const declared = Number(one(parameters, 'NumMedia') ?? 0)
  const named = Object.keys(parameters).filter((name) => /^MediaUrl\d{1,2}$/.test(name)).length
  const count = Math.min(Math.max(Number.isInteger(declared) ? declared : 0, named), 100)
  return Array.from({ length: count }, (_, index) => {
    const url = one(parameters, `MediaUrl${index}`)
    const mimeType = one(parameters, `MediaContentType${index}`)
    const providerMediaId = url && /\/Media\/(ME[0-9a-f]{32})/.exec(url)?.[1]
    return {
      kind: mediaKind(mimeType, channel, one(parameters, 'MessageType')),
      ...(url ? { url } : { unavailable: `NumMedia is ${count}, but there is no MediaUrl${index}` }),
      ...(providerMediaId ? { providerMediaId } : {}),
      ...(mimeType ? { mimeType } : {}),
    }
  })
}

function mediaKind(mimeType: string | undefined, channel: string, messageType: string | undefined): Media['kind'] {
  if (messageType === 'sticker') return 'sticker'
  // WhatsApp records voice notes in Ogg; other sound keeps the type of its file.
  if (channel === 'whatsapp' && mimeType?.startsWith('audio/ogg')) return 'voice'
  const family = mimeType?.split('/')[0]
  return family === 'image' || family === 'video' || family === 'audio' ? family : 'document'
}

function locationOf(parameters: Parameters): MessageContent['location'] {
  const [latitude, longitude] = ['Latitude', 'Longitude'].map((name) => Number(one(parameters, name) ?? Number.NaN)) as [number, number]
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return undefined
  const [label, address] = [one(parameters, 'Label'), one(parameters, 'Address')]
  return { latitude, longitude, ...(label ? { name: label } : {}), ...(address ? { address } : {}) }
}

function replyOf(parameters: Parameters): MessageContent['reply'] {
  const of = one(parameters, 'OriginalRepliedMessageSid')
  const kind = one(parameters, 'ListId') || one(parameters, 'ListTitle') ? 'list' : 'button'
  const id = one(parameters, kind === 'list' ? 'ListId' : 'ButtonPayload')
  const title = one(parameters, kind === 'list' ? 'ListTitle' : 'ButtonText')
  if (id === undefined && title === undefined) return undefined
  return { kind, ...(id ? { id } : {}), ...(title ? { title } : {}), ...(of ? { ofProviderMessageId: of } : {}) }
}

function quotedOf(parameters: Parameters): MessageContent['quoted'] {
  const providerMessageId = one(parameters, 'OriginalRepliedMessageSid')
  if (!providerMessageId) return undefined
  const author = addressIfAny(one(parameters, 'OriginalRepliedMessageSender'))
  return { providerMessageId, ...(author ? { author } : {}) }
}

/** The advertisement a conversation came from, on its first message only. */
function referralOf(parameters: Parameters): MessageContent['referral'] {
  const named = Object.keys(parameters)
    .filter((name) => name.startsWith('Referral') && one(parameters, name) !== undefined && name !== 'ReferralNumMedia')
    .map((name) => [name.replace(/^Referral/, '').replace(/^./, (first) => first.toLowerCase()), one(parameters, name) as string])
  return named.length > 0 ? Object.fromEntries(named) : undefined
}

const isTrue = (parameters: Parameters, name: string) => one(parameters, name) === 'true'

function extraOf(parameters: Parameters): MessageContent['extra'] {
  const segments = Number(one(parameters, 'NumSegments') ?? 0)
  const texts = {
    messagingServiceSid: one(parameters, 'MessagingServiceSid'),
    messageType: one(parameters, 'MessageType'),
    optOutType: one(parameters, 'OptOutType'),
    buttonType: one(parameters, 'ButtonType'),
    listDescription: one(parameters, 'ListDescription'),
  }
  const objects = {
    from: placeOf(parameters, 'From'),
    to: placeOf(parameters, 'To'),
    interactiveData: jsonIn(parameters, 'InteractiveData'),
    flowData: jsonIn(parameters, 'FlowData'),
    addOns: jsonIn(parameters, 'AddOns'),
  }
  const extra = Object.entries({ ...(segments > 1 ? { segments } : {}), ...texts, ...objects }).filter(([, value]) => value !== undefined)
  return extra.length > 0 ? Object.fromEntries(extra as [string, string][]) : undefined
}

/** What Twilio guesses from the number; empty outside North America. */
function placeOf(parameters: Parameters, side: 'From' | 'To'): Record<string, string> | undefined {
  const known = ['City', 'State', 'Zip', 'Country'].flatMap((part) => {
    const value = one(parameters, side + part)
    return value ? [[part.toLowerCase(), value]] : []
  })
  return known.length > 0 ? Object.fromEntries(known) : undefined
}

function jsonIn(parameters: Parameters, name: string): unknown {
  const text = one(parameters, name)
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return text
  }
}
