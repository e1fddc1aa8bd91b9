import { resolveTxt } from 'node:dns/promises'
import { type Clock, CommsError, type OutboundMessage, type SendLimit, systemClock } from '@pipe-comms/core'
import { z } from 'zod'
import type { RecipientOf } from './inbound/parse-inbound-mail.ts'
import { type Mailbox, readMailbox } from './mailbox.ts'
import { PRESETS } from './presets.ts'
import { secretRedactor } from './redact.ts'

export interface SmtpOptions {
  /** The relay, such as `smtp.example.com`: the name that its certificate is for. May be left out with a preset. */
  readonly host?: string
  /** @default 587 */
  readonly port?: number
  /**
   * `implicit`: TLS from the first byte. `starttls`: plain, then TLS; a server without STARTTLS is refused.
   * @default "implicit" on port 465, else "starttls"
   */
  readonly tls?: 'implicit' | 'starttls'
  /** Go on in plain text, password included, when the server offers no STARTTLS. Only for a relay on this machine. @default false */
  readonly dangerouslyAllowPlainText?: boolean
  /** PEM of a certificate authority to trust instead of the public ones, for a relay of your own. @default the public ones */
  readonly ca?: string
  /** With password; both left out: no login. */
  readonly user?: string
  readonly password?: string
  /** The sender, `sales@example.com` or `Sales <sales@example.com>`. The relay must allow it for this user. */
  readonly from: string
  /** Where answers should go. @default the sender */
  readonly replyTo?: string
  /** Settings of a known relay, which the other options override. `ovh`: MX Plan, ssl0.ovh.net:465, 200 messages an hour. */
  readonly preset?: 'ovh'
  /** How much the relay takes; the outbox waits rather than go over. @default that of the preset, or none */
  readonly limits?: readonly SendLimit[]
  /** Name of this transport among others. @default "smtp" */
  readonly id?: string
  /** Name of the account in events. Keep it when the sender changes. @default the sender's address */
  readonly account?: string
  /** How we call ourselves in EHLO. @default the sender's domain */
  readonly ehloName?: string
  /** Connections kept open side by side. @default 5, as nodemailer has it */
  readonly maxConnections?: number
  /** Milliseconds for looking up the host, for connecting, and for the greeting. @default 10000 */
  readonly connectTimeoutMs?: number
  /**
   * Milliseconds without a word from the server. The answer to a whole message may take long, for it is often scanned first, and giving
   * up on it leaves its outcome unknown. @default 60000
   */
  readonly responseTimeoutMs?: number
  /** Milliseconds until an unused connection is closed. @default 30000 */
  readonly idleTimeoutMs?: number
  /** Signs messages here. Leave out when the relay does (OVH can). */
  readonly dkim?: { readonly domain?: string; readonly selector: string; readonly privateKey: string }
  /** The selector of the relay's own DKIM key, for the probe. @default that of `dkim` */
  readonly dkimSelector?: string
  /** Which delivery status notifications are asked for, where the server offers them. @default "failures", with delays */
  readonly deliveryReports?: 'failures' | 'all' | 'none'
  /** How the recipient gets off the list, in `List-Unsubscribe` headers. @default none */
  readonly unsubscribe?: Unsubscribe | ((message: OutboundMessage) => Unsubscribe | undefined)
  /** Fetch media of a message that have a `url`. Whoever chooses the URL then chooses what this machine connects to. @default false */
  readonly allowAttachmentUrls?: boolean
  /**
   * Takes mail at `inboundPath` by `POST`, Content-Type `message/rfc822`, `Authorization: Bearer <this token>`: at least 16 printable ASCII
   * characters. @default no such webhook
   */
  readonly inboundToken?: string
  /** @default "/webhooks/smtp/inbound" */
  readonly inboundPath?: string
  /**
   * The contact of a message of ours, by our messageId, as the log knows it: the proof of complaints and opt-outs that come in as mail.
   * `async (messageId) => (await store.find(idempotencyKey('request', messageId)))?.contact`
   * @default none of them is proven this way, so a person has to confirm each
   */
  readonly recipientOf?: RecipientOf
  /**
   * The server that receives our mail, as the first word of its `Authentication-Results`, such as `mx.example.com`: its `dmarc=pass` proves
   * who wrote an opt-out. It must remove such headers with its own name from what comes in (RFC 8601, section 5).
   * @default no server is believed
   */
  readonly authservId?: string
  /** Looks up TXT records for the probe; `false`: it looks up none. @default that of node:dns */
  readonly resolveTxt?: ResolveTxt | false
  /** For attachments by URL. @default the global fetch */
  readonly fetch?: typeof globalThis.fetch
  /** @default the system's clock */
  readonly clock?: Pick<Clock, 'now'>
}

/** As `resolveTxt` of node:dns/promises: records, each in parts; rejects with code `ENOTFOUND` or `ENODATA` when there is none. */
export type ResolveTxt = (name: string) => Promise<readonly (readonly string[])[]>

/**
 * https://www.rfc-editor.org/rfc/rfc8058: the URL is POSTed to, by machines, and must act at once without cookies or questions.
 * `{token}` becomes the token of the message, by which an opt-out that comes in as mail is proven.
 */
export interface Unsubscribe {
  /** HTTPS, such as `https://example.com/leave/{token}`. */
  readonly url?: string
  /** An address, or `address?subject=…`; `leave+{token}@example.com` where the mailbox takes it. Without `{token}` it is put into the subject. */
  readonly mailto?: string
}

const globalFetch: typeof globalThis.fetch = (...call) => globalThis.fetch(...call)
const text = z.string().trim().min(1)
const milliseconds = z.number().int().positive()
const isFunction = (value: unknown) => typeof value === 'function'
const mailbox = z.string().transform((given, context): Mailbox => {
  const read = readMailbox(given)
  if (read) return read
  context.addIssue({ code: 'custom', message: 'expected an e-mail address, alone or as Name <address>' })
  return z.NEVER
})
const unsubscribe = z.strictObject({ url: text.optional(), mailto: text.optional() })

const schema = z
  .strictObject({
    host: z
      .string()
      .trim()
      .regex(/^[a-z0-9._:-]+$/i, 'expected a host name or an IP address'),
    port: z.number().int().min(1).max(65_535).default(587),
    tls: z.enum(['implicit', 'starttls']).optional(),
    dangerouslyAllowPlainText: z.boolean().default(false),
    ca: z.string().includes('-----BEGIN CERTIFICATE-----', { error: 'expected PEM' }).optional(),
    user: text.optional(),
    password: z.string().min(1).optional(),
    from: mailbox,
    replyTo: mailbox.optional(),
    preset: z.enum(['ovh']).optional(),
    limits: z.array(z.strictObject({ messages: z.number().int().positive(), perMs: milliseconds })).optional(),
    id: text.default('smtp'),
    account: text.optional(),
    ehloName: z
      .string()
      .regex(/^[a-z0-9.[\]:-]+$/i, 'expected a host name')
      .optional(),
    maxConnections: z.number().int().positive().max(100).default(5),
    connectTimeoutMs: milliseconds.default(10_000),
    responseTimeoutMs: milliseconds.default(60_000),
    idleTimeoutMs: milliseconds.default(30_000),
    dkim: z
      .strictObject({
        domain: text.optional(),
        selector: text,
        privateKey: z.string().includes('PRIVATE KEY-----', { error: 'expected PEM' }),
      })
      .optional(),
    dkimSelector: text.optional(),
    deliveryReports: z.enum(['failures', 'all', 'none']).default('failures'),
    unsubscribe: z.union([unsubscribe, z.custom<(message: OutboundMessage) => Unsubscribe | undefined>(isFunction)]).optional(),
    allowAttachmentUrls: z.boolean().default(false),
    inboundToken: z
      .string()
      .min(16, 'expected at least 16 characters')
      .regex(/^[\x21-\x7e]*$/, 'expected printable ASCII characters without spaces')
      .optional(),
    inboundPath: z.string().startsWith('/').default('/webhooks/smtp/inbound'),
    recipientOf: z.custom<RecipientOf>(isFunction, 'expected a function').optional(),
    authservId: z
      .string()
      .trim()
      .regex(/^[^\s;()"]+$/, 'expected one word, such as mx.example.com')
      .optional(),
    resolveTxt: z.union([z.literal(false), z.custom<ResolveTxt>(isFunction, 'expected a function')]).default(() => resolveTxt),
    fetch: z.custom<typeof globalThis.fetch>(isFunction, 'expected a function').default(() => globalFetch),
    clock: z.custom<Clock>((value) => isFunction((value as Clock)?.now), 'expected a clock').default(systemClock),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    path: ['password'],
    message: 'expected user and password together',
  })

export type CheckedOptions = z.output<typeof schema> & {
  readonly tls: 'implicit' | 'starttls'
  readonly account: string
  readonly ehloName: string
  /** Takes our secrets, in every spelling SMTP has for them, out of a text. */
  readonly redact: (text: string) => string
}

/** @throws CommsError `configuration_invalid`, naming each option that is missing or wrong, and no value of any. */
export function checkOptions(options: SmtpOptions): CheckedOptions {
  const preset = options.preset === undefined ? {} : PRESETS[options.preset]
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const checked = schema.safeParse({ ...preset, ...given })
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`)
    throw new CommsError('configuration_invalid', `smtpTransport: ${problems.join('; ')}`)
  }
  const { data } = checked
  return {
    ...data,
    tls: data.tls ?? (data.port === 465 ? 'implicit' : 'starttls'),
    account: data.account ?? data.from.value,
    ehloName: data.ehloName ?? data.from.domain,
    redact: secretRedactor([data.password, data.dkim?.privateKey, data.inboundToken], data.user),
  }
}
