import { randomDigits, type SimulatedAccount, type SimulatedMedia, type SimulatedMessage, segmentsOf } from './account.ts'

/** What a customer sends. */
export interface CustomerMessage {
  /** `+1202…`, `whatsapp:+33…`, a short code or a name. */
  readonly from: string
  /** @default the first number of the account */
  readonly to?: string
  readonly body?: string
  readonly media?: readonly { readonly contentType: string; readonly bytes: Uint8Array<ArrayBuffer> }[]
  /** Further parameters of the webhook, such as `ProfileName`, `Latitude`, `ButtonPayload`, `OptOutType`. */
  readonly parameters?: Readonly<Record<string, string>>
}

const STOP = /^(stop|stopall|unsubscribe|cancel|end|quit)$/i
const START = /^(start|yes|unstop)$/i

/** The message as Twilio keeps it. Notes STOP and START as Twilio does, so that a later send is refused with 21610. */
export function takeMessage(account: SimulatedAccount, given: CustomerMessage, at: number): SimulatedMessage {
  const to = given.to ?? account.numbers[0]?.phoneNumber ?? ''
  const body = given.body ?? ''
  const media: SimulatedMedia[] = (given.media ?? []).map((item) => ({ sid: `ME${randomDigits()}`, ...item }))
  const pair = `${to} ${given.from}`
  if (STOP.test(body.trim()) || given.parameters?.OptOutType === 'STOP') account.optOuts.add(pair)
  if (START.test(body.trim()) || given.parameters?.OptOutType === 'START') account.optOuts.delete(pair)
  return {
    sid: `${media.length > 0 ? 'MM' : 'SM'}${randomDigits()}`,
    direction: 'inbound',
    from: given.from,
    to,
    body,
    media,
    mediaUrls: [],
    messagingServiceSid: account.services.find(({ numbers }) => numbers.includes(to))?.sid ?? null,
    statusCallback: null,
    createdAt: at,
    sentAt: at,
    status: 'received',
    errorCode: null,
  }
}

/** https://www.twilio.com/docs/messaging/guides/webhook-request */
export function incomingForm(
  account: SimulatedAccount,
  message: SimulatedMessage,
  given: CustomerMessage,
  apiUrl: string,
): Readonly<Record<string, string>> {
  const { sid, from, to, body, media, messagingServiceSid } = message
  const whatsapp = from?.startsWith('whatsapp:')
  const place = whatsapp
    ? {}
    : { ToCountry: '', ToState: '', ToCity: '', ToZip: '', FromCountry: '', FromState: '', FromCity: '', FromZip: '' }
  const files = media.flatMap((item, index) => [
    [`MediaContentType${index}`, item.contentType],
    [`MediaUrl${index}`, `${apiUrl}/2010-04-01/Accounts/${account.sid}/Messages/${sid}/Media/${item.sid}`],
  ])
  return {
    ...place,
    SmsMessageSid: sid,
    NumMedia: String(media.length),
    SmsSid: sid,
    SmsStatus: 'received',
    Body: body,
    To: to,
    NumSegments: String(segmentsOf(body)),
    MessageSid: sid,
    AccountSid: account.sid,
    From: from ?? '',
    ApiVersion: '2010-04-01',
    ...(messagingServiceSid ? { MessagingServiceSid: messagingServiceSid } : {}),
    ...(whatsapp ? { WaId: (from ?? '').replace(/\D/g, ''), MessageType: 'text', ReferralNumMedia: '0' } : {}),
    ...Object.fromEntries(files),
    ...given.parameters,
  }
}
