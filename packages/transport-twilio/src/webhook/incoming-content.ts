import { type Media, type MessageContent, readLeniently } from '@pipe-comms/core'
import { z } from 'zod'
import { addressIfAny } from '../address.ts'
import { filled, one, type Parameters } from './parameters.ts'

/** WhatsApp says "forwarded many times" from the fifth on. https://faq.whatsapp.com/1053543185312573 */
const FREQUENTLY = 5

const count = z
  .string()
  .regex(/^\d{1,4}$/, 'expected a number')
  .transform(Number)
  .optional()
const degrees = (most: number) =>
  z
    .string()
    .regex(/^-?\d{1,3}(\.\d{1,30})?$/, 'expected degrees')
    .transform(Number)
    .pipe(z.number().min(-most).max(most))
    .optional()

/** The parameters that are numbers. All others are texts, and as they come. */
const numbersSchema = z.looseObject({ NumMedia: count, NumSegments: count, Latitude: degrees(90), Longitude: degrees(180) })
type Numbers = z.output<typeof numbersSchema>

/**
 * What an incoming message says. No part of it is required.
 * @param unread takes the notes about what is left out, see `readLeniently`
 * https://www.twilio.com/docs/messaging/guides/webhook-request
 */
export function contentOf(parameters: Parameters, channel: string, unread: string[]): MessageContent {
  const numbers = readLeniently(numbersSchema, filled(parameters))
  unread.push(...(numbers.success ? numbers.unread : numbers.problems))
  const { NumMedia, NumSegments, Latitude, Longitude }: Partial<Numbers> = numbers.success ? numbers.data : {}
  const body = one(parameters, 'Body')
  const media = mediaOf(parameters, channel, NumMedia ?? 0)
  const location = locationOf(parameters, Latitude, Longitude)
  const reply = replyOf(parameters)
  const quoted = quotedOf(parameters)
  const referral = referralOf(parameters)
  const extra = extraOf(parameters, NumSegments ?? 0, location === undefined)
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

function mediaOf(parameters: Parameters, channel: string, declared: number): Media[] {
  const named = Object.keys(parameters).filter((name) => /^MediaUrl\d{1,2}$/.test(name)).length
  const count = Math.min(Math.max(declared, named), 100)
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

function locationOf(parameters: Parameters, latitude: number | undefined, longitude: number | undefined): MessageContent['location'] {
  return latitude === undefined || longitude === undefined ? undefined : { latitude, longitude, ...placeNames(parameters) }
}

function placeNames(parameters: Parameters): { readonly name?: string; readonly address?: string } {
  const [label, address] = [one(parameters, 'Label'), one(parameters, 'Address')]
  return { ...(label ? { name: label } : {}), ...(address ? { address } : {}) }
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
    .filter((name) => name.startsWith('Referral') && one(parameters, name) !== undefined && !/^Referral(NumMedia)?$/.test(name))
    .map((name) => [name.replace(/^Referral/, '').replace(/^./, (first) => first.toLowerCase()), one(parameters, name) as string])
  return named.length > 0 ? Object.fromEntries(named) : undefined
}

const isTrue = (parameters: Parameters, name: string) => one(parameters, name) === 'true'

/** `isNowhere`: there is no location, whose names are then kept here. */
function extraOf(parameters: Parameters, segments: number, isNowhere: boolean): MessageContent['extra'] {
  const place = isNowhere ? placeNames(parameters) : {}
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
    place: Object.keys(place).length > 0 ? place : undefined,
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

/** As text when it is no JSON, or none that an event can hold: `1e999` is infinite, and it may be nested without end. */
function jsonIn(parameters: Parameters, name: string): unknown {
  const text = one(parameters, name)
  try {
    return text === undefined ? undefined : z.json().parse(JSON.parse(text))
  } catch {
    return text
  }
}
