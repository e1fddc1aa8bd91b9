import { z } from 'zod'
import { contactAddressSchema } from './contact-address.ts'
import { messageContentSchema } from './message-content.ts'

const name = z.string().min(1).max(512)
const instant = z.iso.datetime().describe('ISO 8601 in UTC')

/** That this contact is a lead the directory knows, how sure that is, and by which rule. */
export const leadMatchSchema = z.strictObject({
  id: name,
  type: name.optional().describe('Kind of record in the directory, such as Lead, Contact, Account'),
  name: z.string().optional(),
  directory: name.describe('Which directory knows it, such as espocrm'),
  rule: name.describe('How it was found'),
  certainty: z.enum(['certain', 'probable', 'possible']),
  candidates: z.array(z.strictObject({ id: name, type: name.optional(), name: z.string().optional() })).optional(),
})
export type LeadMatch = z.infer<typeof leadMatchSchema>

/** Why a message failed, or why its outcome is unknown. */
const failureSchema = z.strictObject({
  code: name,
  providerCode: name.optional(),
  class: z.enum(['recipient', 'content', 'configuration', 'provider', 'policy']),
  text: z.string().optional(),
})

const eventId = z
  .string()
  .regex(/^evt_[0-9a-f-]{36}$/)
  .describe('evt_ and a UUIDv7')

const envelope = {
  schemaVersion: z.literal(1),
  idempotencyKey: name.describe('The name of the fact: repeats share it'),
  channel: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/)
    .describe('whatsapp, sms, email or another'),
  provider: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/)
    .describe('greenapi, twilio, smtp or another'),
  account: name.optional().describe("Which of the provider's accounts or instances of ours"),
  direction: z.enum(['inbound', 'outbound']).optional(),
  contact: contactAddressSchema.optional().describe('The other party; in a group, the group'),
  endpoint: contactAddressSchema.optional().describe('Our own address'),
  messageId: name.optional().describe('Ours for outbound; provider:providerMessageId for inbound'),
  providerMessageId: name.optional(),
  lead: leadMatchSchema.optional(),
  occurredAt: instant,
  occurredAtSource: z.enum(['provider', 'receipt', 'local']).describe("The provider's time, the time it reached us, or the time we did it"),
  source: z
    .strictObject({
      via: z.enum(['webhook', 'poll', 'api', 'import']),
      raw: z.unknown().optional().describe('What the provider sent, whole'),
      unread: z.array(name).optional().describe('Which parts of it are not in the event, because they were not as expected, and why'),
    })
    .optional(),
  traceparent: name.optional().describe('W3C trace context'),
}

const event = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  z.strictObject({ id: eventId, type: z.literal(type), ...envelope, data })

const author = contactAddressSchema.optional().describe('Who wrote it, in a group')
const target = z.strictObject({ providerMessageId: name, author })
const attempt = z.number().int().positive()
const detail = z.string().optional()
const extra = z.record(name, z.json()).optional().describe('What only this provider knows')
const message = { contact: contactAddressSchema, messageId: name }

const withMessage = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) => event(type, data).extend(message)
const withContact = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  event(type, data).extend({ contact: contactAddressSchema })

const received = withMessage(
  'message.received',
  messageContentSchema.extend({ author, contactName: z.string().optional().describe('The name the provider shows for the writer') }),
).extend({ direction: z.literal('inbound'), providerMessageId: name })

/** The next way to reach the same person, and when to take it. */
const fallbackStepSchema = z.strictObject({
  channel: name,
  transport: name.optional(),
  to: contactAddressSchema,
  content: messageContentSchema.optional().describe('Left out: that of the message before'),
  afterMs: z.number().int().positive().optional().describe('Taken too when the message is not delivered this long after it was sent'),
})
export type FallbackStep = z.infer<typeof fallbackStepSchema>

const requested = withMessage(
  'message.requested',
  z.strictObject({
    content: messageContentSchema,
    replyTo: name.optional().describe('messageId of the message answered'),
    replyToProviderMessageId: name.optional(),
    notBefore: instant.optional(),
    expiresAt: instant.optional(),
    fallbackOf: name.optional().describe('messageId of the message this one stands in for'),
    options: extra,
    transport: name.optional().describe('Which transport takes it'),
    callerKey: name.optional().describe("The caller's own name of this request"),
    onUncertain: z.enum(['report', 'resend']).optional().describe('What to do when nobody can tell whether it was sent'),
    fallback: z.array(fallbackStepSchema).optional().describe('What to try next, in this order'),
  }),
).extend({ direction: z.literal('outbound') })

const recipient = contactAddressSchema
  .optional()
  .describe('Which member, in a group; or the address that the provider reports on, when it is not the one the message was sent to')

const statusData = z.strictObject({
  recipient,
  byApi: z.boolean().optional(),
  description: detail,
  extra,
})

/** Every event, told apart by `type`. Plain JSON; the TypeScript types and the JSON Schema come from here. */
export const messageEventSchema = z.discriminatedUnion('type', [
  received,
  requested,
  withMessage(
    'message.attempted',
    z.strictObject({ attempt, by: name.describe('The instance that claims the attempt'), deadline: instant }),
  ),
  withMessage(
    'message.sent',
    z.strictObject({
      origin: z.enum(['api', 'device']).describe('Sent by us, or typed by staff on the phone'),
      attempt: attempt.optional(),
      content: messageContentSchema.optional(),
      recipient,
      description: detail,
      extra,
    }),
  ),
  withMessage(
    'message.in_transit',
    statusData.extend({
      state: z
        .enum(['delayed', 'relayed', 'expanded'])
        .describe('Not there yet and tried on; handed to a system that will not say more; passed on to a list of addresses'),
      until: instant.optional().describe('When a delayed message is given up'),
    }),
  ).describe('Where the message is on its way. Neither a success nor a failure: it changes no delivery state'),
  withMessage('message.delivered', statusData),
  withMessage('message.read', statusData),
  withMessage('message.failed', z.strictObject({ error: failureSchema, attempt: attempt.optional(), recipient, extra })),
  withMessage(
    'message.deferred',
    z.strictObject({
      attempt: attempt.optional(),
      error: failureSchema.describe('Why it was certainly not sent, or not delivered yet'),
      until: instant.optional().describe('No other attempt before'),
      recipient,
    }),
  ),
  withMessage('message.uncertain', z.strictObject({ attempt, reason: z.string(), evidence: z.record(name, z.json()).optional() })),
  withContact(
    'message.edited',
    z.strictObject({ target, text: z.string().optional(), caption: z.string().optional(), contactName: detail }),
  ),
  withContact('message.deleted', z.strictObject({ target, contactName: detail })),
  withContact(
    'message.reacted',
    z.strictObject({ target, emoji: z.string().describe('Empty: the reaction was taken back'), author, contactName: detail }),
  ),
  withContact('contact.opted_out', z.strictObject({ keyword: z.string().optional(), reason: name, extra })),
  withContact('contact.opted_in', z.strictObject({ keyword: z.string().optional(), reason: name, extra })),
  withContact('contact.linked', z.strictObject({ to: contactAddressSchema, reason: name })),
  withContact('contact.unlinked', z.strictObject({ from: contactAddressSchema, reason: name })),
  withContact(
    'contact.observed',
    z
      .strictObject({ avatarUrl: z.string().optional().describe('May expire'), description: detail, extra })
      .describe('What the provider shows of them'),
  ),
  withContact('lead.correlated', z.strictObject({ by: name.describe('Which rule or person tied it') })).extend({ lead: leadMatchSchema }),
  withContact('lead.uncorrelated', z.strictObject({ leadId: name, by: name, reason: detail })),
  withContact(
    'call.observed',
    z.strictObject({
      status: z.enum(['ringing', 'taken', 'missed', 'rejected', 'ended', 'invalid']),
      providerStatus: name.optional(),
      video: z.boolean().optional(),
      durationSeconds: z.number().nonnegative().optional(),
      participants: z.array(contactAddressSchema).optional(),
    }),
  ),
  event(
    'transport.state_changed',
    z.strictObject({
      state: z.enum(['ready', 'starting', 'logged-out', 'suspended', 'blocked', 'asleep', 'offline', 'unknown']),
      providerState: name.optional(),
      until: instant.optional(),
      details: z.record(name, z.json()).optional(),
    }),
  ),
  event(
    'transport.observed',
    z.strictObject({
      device: z
        .strictObject({
          platform: detail,
          manufacturer: detail,
          model: detail,
          osVersion: detail,
          appVersion: detail,
          batteryPercent: z.number().min(0).max(100).optional(),
        })
        .optional()
        .describe('The phone behind the account'),
      extra,
    }),
  ),
  event(
    'transport.quota_reached',
    z.strictObject({ quota: name, used: z.number().optional(), limit: z.number().optional(), description: detail }),
  ),
  event(
    'report.filed',
    z.strictObject({
      name: name.describe('Of the message: a digest of what the provider calls it'),
      streamId: z.string().min(1).describe('The stream of the address that the report names'),
      reportKey: name.describe('idempotencyKey of the report'),
      messageId: name.optional(),
      providerMessageId: name.optional(),
    }),
  ).describe('Where the report of a provider lies, about a message of ours that was not known by its name when the report came'),
  event(
    'webhook.quarantined',
    z.strictObject({
      transport: name,
      reason: z.string(),
      method: name,
      path: name,
      query: z.string().optional(),
      contentType: z.string().optional(),
      body: z.string(),
      bodyEncoding: z.enum(['utf8', 'base64']),
      bodySha256: name,
    }),
  ),
  event(
    'event.unreadable',
    z.strictObject({
      reason: z.string().describe('Why this release cannot read the stored event, and the remedy'),
      stored: z.unknown().optional().describe('The event as it is stored'),
    }),
  ).describe('Never recorded: what a store returns in the place of a stored event that this release cannot read'),
])

/** One fact. `event.type` tells which; the envelope is the same for all. */
export type MessageEvent = z.infer<typeof messageEventSchema>
export type MessageEventType = MessageEvent['type']
export type MessageEventOf<Type extends MessageEventType> = Extract<MessageEvent, { type: Type }>

/** What `append` takes: a whole event, made with `createEvent`. The store adds position, stream, version and time. */
export type NewEvent = MessageEvent

type Given<Event> = Event extends unknown
  ? Omit<Event, 'id' | 'schemaVersion' | 'occurredAt' | 'occurredAtSource'> &
      Partial<Pick<Event & { occurredAt: string; occurredAtSource: string }, 'occurredAt'>> & {
        readonly occurredAtSource?: 'provider' | 'receipt' | 'local'
      }
  : never

/** What a transport returns: an event without id. Leave `occurredAt` out when the provider gives no time; the time of receipt is used. */
export type EventFact = Given<MessageEvent>

/** The JSON Schema (draft 2020-12) of an event, for those who read the log in another language. Also in the package as `message-event.schema.json`. */
export function messageEventJsonSchema(): Record<string, unknown> {
  return { $id: 'https://pipe-comms.example.com/message-event.schema.json', title: 'MessageEvent', ...z.toJSONSchema(messageEventSchema) }
}
