import { randomBytes } from 'node:crypto'

export interface SimulatedNumber {
  readonly phoneNumber: string
  /** "A message comes in", with connection overrides in its fragment. Empty: none. */
  smsUrl?: string
  smsMethod?: 'GET' | 'POST'
  /** Called when `smsUrl` fails. */
  smsFallbackUrl?: string
  /** A TwiML app overrides `smsUrl`, and tells nobody here. */
  smsApplicationSid?: string
  /** @default true */
  smsCapable?: boolean
}

export interface SimulatedService {
  /** `MG…` */
  readonly sid: string
  /** Numbers of the service. */
  readonly numbers: readonly string[]
  inboundRequestUrl?: string
  /** @default true */
  useInboundWebhookOnNumber?: boolean
}

export interface SimulatedMedia {
  readonly sid: string
  readonly contentType: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** A message as Twilio keeps it. */
export interface SimulatedMessage {
  readonly sid: string
  readonly direction: 'inbound' | 'outbound-api'
  readonly from: string | null
  readonly to: string
  readonly body: string
  readonly media: readonly SimulatedMedia[]
  readonly mediaUrls: readonly string[]
  readonly messagingServiceSid: string | null
  readonly statusCallback: string | null
  readonly createdAt: number
  /** Null while it waits. */
  sentAt: number | null
  status: string
  errorCode: number | null
}

/** All that the simulated Twilio knows of one account. */
export interface SimulatedAccount {
  readonly sid: string
  readonly authToken: string
  /** @default 'active' */
  status: string
  readonly numbers: SimulatedNumber[]
  readonly services: SimulatedService[]
  /** Oldest first. */
  readonly messages: SimulatedMessage[]
  /** `<our number> <their number>` of those who wrote STOP. */
  readonly optOuts: Set<string>
}

/** 32 hexadecimal digits, as after the two letters of every id of Twilio. */
export function randomDigits(): string {
  return randomBytes(16).toString('hex')
}

const rfc2822 = (at: number | null) => (at === null ? null : new Date(at).toUTCString().replace('GMT', '+0000'))

/** https://www.twilio.com/docs/messaging/api/message-resource#message-properties */
export function messageResource(account: SimulatedAccount, message: SimulatedMessage): Record<string, unknown> {
  const uri = `/2010-04-01/Accounts/${account.sid}/Messages/${message.sid}`
  return {
    account_sid: account.sid,
    api_version: '2010-04-01',
    body: message.body,
    date_created: rfc2822(message.createdAt),
    date_sent: rfc2822(message.sentAt),
    date_updated: rfc2822(message.sentAt ?? message.createdAt),
    direction: message.direction,
    error_code: message.errorCode,
    error_message: null,
    from: message.from,
    num_media: String(message.media.length + message.mediaUrls.length),
    // Which number will send it, and so how it is cut, a Messaging Service decides later.
    num_segments: message.messagingServiceSid && message.from === null ? '0' : String(segmentsOf(message.body)),
    price: null,
    price_unit: null,
    messaging_service_sid: message.messagingServiceSid,
    sid: message.sid,
    status: message.status,
    subresource_uris: { media: `${uri}/Media.json` },
    to: message.to,
    uri: `${uri}.json`,
  }
}

/** Good enough to tell one segment from several: GSM-7 or UCS-2. */
export function segmentsOf(body: string): number {
  const gsm = /^[\x20-\x7e\n\r£¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉÄÖÑÜ§¿äöñüà€¡¤]*$/.test(body)
  const [single, several] = gsm ? [160, 153] : [70, 67]
  return body.length <= single ? 1 : Math.ceil(body.length / several)
}
