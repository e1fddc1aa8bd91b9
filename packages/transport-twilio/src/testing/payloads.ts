/** Parameters of webhooks as Twilio documents them: https://www.twilio.com/docs/messaging/guides/webhook-request */
export const ACCOUNT_SID = 'AC0123456789abcdef0123456789abcdef'
export const AUTH_TOKEN = 'auth-token-for-tests'
export const PUBLIC_URL = 'https://comms.example.com'
export const MESSAGING_SERVICE_SID = 'MGaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
export const OUR_NUMBER = '+12025550100'
export const THEIR_NUMBER = '+12025550142'

export type Form = Readonly<Record<string, string>>

/** An id of Twilio, the same for the same number. */
export function sidOf(prefix: string, number: number): string {
  return prefix + number.toString(16).padStart(32, '0')
}

function message(sid: string, over: Form): Form {
  return {
    SmsMessageSid: sid,
    NumMedia: '0',
    SmsSid: sid,
    SmsStatus: 'received',
    Body: '',
    NumSegments: '1',
    MessageSid: sid,
    AccountSid: ACCOUNT_SID,
    ApiVersion: '2010-04-01',
    ...over,
  }
}

export function incomingSms(number: number, over: Form = {}): Form {
  const places = { City: 'WASHINGTON', State: 'DC', Zip: '20001', Country: 'US' }
  const geography = ['To', 'From'].flatMap((side) => Object.entries(places).map(([part, value]) => [side + part, value]))
  return message(sidOf('SM', number), { ...Object.fromEntries(geography), Body: 'Hello', To: OUR_NUMBER, From: THEIR_NUMBER, ...over })
}

/** Outside North America the places are empty. */
export function incomingFrenchSms(number: number, over: Form = {}): Form {
  const places = ['City', 'State', 'Zip'].flatMap((part) => [`To${part}`, `From${part}`])
  return message(sidOf('SM', number), {
    ...Object.fromEntries(places.map((name) => [name, ''])),
    ToCountry: 'FR',
    FromCountry: 'FR',
    Body: 'Bonjour, je suis intéressé',
    To: '+33639980050',
    From: '+33639980001',
    ...over,
  })
}

export function incomingMms(number: number, types: readonly string[], over: Form = {}): Form {
  const sid = sidOf('MM', number)
  return message(sid, { To: OUR_NUMBER, From: THEIR_NUMBER, ...mediaOf(sid, types), ...over })
}

export function incomingWhatsApp(number: number, over: Form = {}, types: readonly string[] = []): Form {
  const sid = sidOf(types.length > 0 ? 'MM' : 'SM', number)
  return message(sid, {
    ProfileName: 'Alex Martin',
    MessageType: 'text',
    WaId: '33639980001',
    Body: types.length > 0 ? '' : 'Hello',
    To: 'whatsapp:+33639980050',
    ReferralNumMedia: '0',
    ChannelMetadata: JSON.stringify({ type: 'whatsapp', data: { context: { ProfileName: 'Alex Martin', WaId: '33639980001' } } }),
    From: 'whatsapp:+33639980001',
    ...mediaOf(sid, types),
    ...over,
  })
}

function mediaOf(sid: string, types: readonly string[]): Form {
  const files = types.flatMap((type, index) => [
    [`MediaContentType${index}`, type],
    [`MediaUrl${index}`, mediaUrl(sid, index)],
  ])
  return { NumMedia: String(types.length), ...Object.fromEntries(files) }
}

export function mediaUrl(sid: string, index: number): string {
  return `https://api.twilio.com/2010-04-01/Accounts/${ACCOUNT_SID}/Messages/${sid}/Media/${sidOf('ME', index + 1)}`
}

export function smsStatus(number: number, status: string, over: Form = {}): Form {
  const sid = sidOf('SM', number)
  return {
    ApiVersion: '2010-04-01',
    MessageStatus: status,
    SmsSid: sid,
    SmsStatus: status,
    To: THEIR_NUMBER,
    From: OUR_NUMBER,
    MessageSid: sid,
    AccountSid: ACCOUNT_SID,
    ...over,
  }
}

export function whatsAppStatus(number: number, status: string, over: Form = {}): Form {
  return smsStatus(number, status, {
    To: 'whatsapp:+33639980001',
    From: 'whatsapp:+33639980050',
    ChannelPrefix: 'whatsapp',
    ChannelInstallSid: 'XEbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',
    ChannelToAddress: '+33639980001',
    ...over,
  })
}
