import type { SimulatedAccount, SimulatedMessage } from './account.ts'

/** What the API answers instead of a resource. https://www.twilio.com/docs/api/errors */
export interface ApiProblem {
  readonly status: number
  readonly code: number
  readonly message: string
}

/** Numbers that always fail in one way. https://www.twilio.com/docs/iam/test-credentials#test-sms-messages */
const MAGIC_TO: Readonly<Record<string, readonly [number, string]>> = {
  '+15005550001': [21211, "Invalid 'To' Phone Number"],
  '+15005550002': [21612, 'The message cannot be routed from this sender to this number'],
  '+15005550003': [21408, 'Permission to send to this region is not enabled'],
  '+15005550004': [21610, 'Attempt to send to unsubscribed recipient'],
  '+15005550009': [21614, "'To' number is not a valid mobile number"],
}
const MAGIC_FROM: Readonly<Record<string, readonly [number, string]>> = {
  '+15005550001': [21212, "Invalid 'From' Phone Number"],
  '+15005550007': [21606, "The 'From' phone number is not a valid, SMS-capable inbound phone number for this account"],
  '+15005550008': [21611, "The 'From' number has exceeded the maximum number of queued messages"],
}
const MAGIC_SENDER = '+15005550006'

type NewMessage = Omit<SimulatedMessage, 'sid' | 'createdAt'>

/** Checks the form of a new message as Twilio does, and gives the message or the error. */
export function createMessage(account: SimulatedAccount, form: URLSearchParams): NewMessage | ApiProblem {
  const get = (name: string) => form.get(name) ?? ''
  const [to, from, service] = [get('To'), get('From'), get('MessagingServiceSid')]
  const problem =
    senderProblem(account, from, service) ?? recipientProblem(to) ?? contentProblem(form) ?? callbackProblem(get('StatusCallback'))
  if (problem) return problem
  const scheduled = get('SendAt') !== ''
  if (scheduled && !service) return refused(35118, 'MessagingServiceSid is required to schedule a message')
  const senders = from ? [from] : (account.services.find(({ sid }) => sid === service)?.numbers ?? [])
  if (senders.some((sender) => account.optOuts.has(`${sender} ${to}`))) return refused(21610, 'Attempt to send to unsubscribed recipient')
  return {
    direction: 'outbound-api',
    from: from || null,
    to,
    body: get('Body'),
    media: [],
    mediaUrls: form.getAll('MediaUrl'),
    messagingServiceSid: service || null,
    statusCallback: get('StatusCallback') || null,
    sentAt: null,
    status: scheduled ? 'scheduled' : service ? 'accepted' : 'queued',
    errorCode: null,
  }
}

function senderProblem(account: SimulatedAccount, from: string, service: string): ApiProblem | undefined {
  if (!from && !service) return refused(21603, "A 'From' phone number is required")
  if (service && !account.services.some(({ sid }) => sid === service)) return refused(21705, 'The Messaging Service Sid is invalid')
  const magic = MAGIC_FROM[from]
  if (magic) return refused(...magic)
  if (!from || from === MAGIC_SENDER) return undefined
  const number = account.numbers.find(({ phoneNumber }) => phoneNumber === from)
  if (number) return number.smsCapable === false ? refused(21606, `${from} is not SMS-capable`) : undefined
  return from.startsWith('whatsapp:')
    ? refused(63007, 'Twilio could not find a Channel with the specified From address')
    : refused(21606, `The 'From' phone number ${from} is not a valid, SMS-capable inbound phone number for this account`)
}

function recipientProblem(to: string): ApiProblem | undefined {
  if (!to) return refused(21604, "A 'To' phone number is required")
  const magic = MAGIC_TO[to]
  if (magic) return refused(...magic)
  return /^(whatsapp:.+|\+[1-9]\d{6,14}|\d{3,8})$/.test(to) ? undefined : refused(21211, `Invalid 'To' Phone Number: ${to}`)
}

function contentProblem(form: URLSearchParams): ApiProblem | undefined {
  const body = form.get('Body') ?? ''
  const media = form.getAll('MediaUrl')
  if (body.length > 1600) return refused(21617, 'The concatenated message body exceeds the 1600 character limit')
  if (media.length > 10) return refused(21623, 'Number of media files exceeds allowed limit')
  if (media.some((url) => !URL.canParse(url))) return refused(21620, 'Invalid media URL(s)')
  if (!body && media.length === 0 && !form.get('ContentSid') && !form.get('PersistentAction')) {
    return refused(21619, 'A text message body or media urls must be specified')
  }
  return undefined
}

function callbackProblem(url: string): ApiProblem | undefined {
  if (!url) return undefined
  const valid = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && !new URL(url).hostname.includes('_')
  return valid ? undefined : refused(21609, 'The StatusCallback URL is not a valid URL')
}

function refused(code: number, message: string): ApiProblem {
  return { status: 400, code, message }
}
