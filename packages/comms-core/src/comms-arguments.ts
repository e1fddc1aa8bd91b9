import { z } from 'zod'
import {
  checkOf,
  filledText,
  isObject,
  kindOf,
  listOf,
  oneOf,
  optionsObject,
  type Shape,
  signalOption,
  wholeNumber,
} from './check-options.ts'
import type { ContactAddress } from './events/contact-address.ts'
import type { DecisionOptions } from './leads/by-hand.ts'
import type { LeadRef } from './leads/lead-ties.ts'
import type { SendFallback, SendRequest } from './outbox/send.ts'

/** The checks of what is given to the methods of `Comms`. Each throws CommsError `request_invalid`, naming everything that is wrong. */

const contact: Shape<ContactAddress> = { kind: filledText(), value: filledText(), raw: filledText() }
const contactAddress = z.looseObject(contact)

const lead: Shape<LeadRef> = {
  id: filledText('the id of a lead'),
  type: filledText().optional(),
  directory: filledText('the id of a directory'),
}
const leadRef = z.looseObject({ ...lead, name: z.string().optional() }, { error: ({ input }) => `expected a lead, got ${kindOf(input)}` })

const addressee = z.unknown().superRefine((given, context) => {
  if (typeof given === 'string' && given.trim() !== '') return
  if (!isObject(given) || Array.isArray(given)) {
    const got = typeof given === 'string' ? 'an empty text' : kindOf(given)
    context.addIssue(`expected an address as a text or a ContactAddress, got ${got}`)
    return
  }
  for (const { message, path } of contactAddress.safeParse(given).error?.issues ?? []) context.addIssue({ code: 'custom', message, path })
})
const content = z.custom((given) => isObject(given) && !Array.isArray(given), {
  error: ({ input }) => `expected the content of the message, such as { text: 'Hello' }, got ${kindOf(input)}`,
})
const time = z.custom(
  (given) => (given instanceof Date ? !Number.isNaN(given.getTime()) : typeof given === 'string' && !Number.isNaN(Date.parse(given))),
  { error: ({ input }) => `expected a Date or an ISO 8601 time, got ${typeof input === 'string' ? 'another text' : kindOf(input)}` },
)

const fallbackShape: Shape<SendFallback> = {
  channel: filledText('the name of a channel'),
  transport: filledText('the id of a transport').optional(),
  to: addressee,
  content: content.optional(),
  afterMs: wholeNumber(0).optional(),
}
const sendShape: Shape<SendRequest> = {
  channel: filledText('the name of a channel, such as whatsapp'),
  transport: filledText('the id of a transport').optional(),
  to: addressee,
  content,
  idempotencyKey: filledText('a name of the request that is not empty').optional(),
  replyTo: filledText('the messageId of a message').optional(),
  notBefore: time.optional(),
  expiresAt: time.optional(),
  fallback: listOf('other ways', optionsObject(fallbackShape)).optional(),
  onUncertain: oneOf('report', 'resend').optional(),
  options: z.custom(isObject, { error: ({ input }) => `expected an object of options, got ${kindOf(input)}` }).optional(),
}
export const checkSendRequest = checkOf('send', optionsObject(sendShape), 'request_invalid')

const signal = signalOption.optional()

export const checkSendWaiting = checkOf(
  'send: the second argument',
  optionsObject<{ waitFor: unknown; timeoutMs: unknown; signal: unknown }>({
    waitFor: oneOf('sent', 'delivered').optional(),
    timeoutMs: wholeNumber(0).optional(),
    signal,
  }),
  'request_invalid',
)

export const checkSignalOnly = (who: string) => checkOf(who, optionsObject<{ signal: unknown }>({ signal }), 'request_invalid')

export const checkMessageId = checkOf('message', filledText('the messageId of a message'), 'request_invalid')
export const checkStreamId = checkOf('conversation', filledText('the name of a stream, such as whatsapp:+33639980001'), 'request_invalid')

const limit = z.custom((given) => given === Number.POSITIVE_INFINITY || (Number.isSafeInteger(given) && (given as number) >= 0), {
  error: ({ input }) => `expected a whole number from 0, got ${kindOf(input)}`,
})
export const checkListOptions = checkOf('conversations', optionsObject<{ limit: unknown }>({ limit: limit.optional() }), 'request_invalid')

const checkTimelineContact = checkOf('timeline', z.object({ of: addressee }), 'request_invalid')
const leadNamed = z.looseObject({ ...lead, directory: lead.directory.optional() })
const checkTimelineLead = checkOf('timeline', z.object({ of: leadNamed }), 'request_invalid')

/** @param of a contact's address or a lead. */
export function checkTimeline(of: unknown, options: unknown): void {
  if (isObject(of) && !('value' in of)) checkTimelineLead({ of })
  else checkTimelineContact({ of })
  checkTimelineOptions(options)
}
const checkTimelineOptions = checkSignalOnly('timeline')

const decisionShape: Shape<DecisionOptions> = {
  by: filledText('who decides, such as the id of a user'),
  channel: filledText('the name of a channel').optional(),
}
const decision = optionsObject(decisionShape)
const undoing = optionsObject<DecisionOptions & { reason?: string }>({ ...decisionShape, reason: z.string().optional() })

const tie = (who: string, options: z.ZodType) => checkOf(who, z.object({ contact: addressee, lead: leadRef, options }), 'request_invalid')
export const checkCorrelate = tie('correlate', decision)
export const checkUncorrelate = tie('uncorrelate', undoing)

const pair = (who: string) => checkOf(who, z.object({ contact: addressee, other: addressee, options: decision }), 'request_invalid')
export const checkLink = pair('link')
export const checkUnlink = pair('unlink')

const facts = z.custom((given) => isObject(given) && (Symbol.iterator in given || Symbol.asyncIterator in given), {
  error: ({ input }) => `expected a list of facts, or what gives them one after the other, got ${kindOf(input)}`,
})
export const checkRecording = checkOf(
  'record',
  z.object({
    facts,
    options: optionsObject<{ via: unknown; signal: unknown }>({ via: oneOf('webhook', 'poll', 'api', 'import').optional(), signal }),
  }),
  'request_invalid',
)
