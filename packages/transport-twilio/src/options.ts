import { CommsError, type SendLimit, staysPrivate } from '@pipe-comms/core'
import { z } from 'zod'

export interface TwilioOptions {
  /** `AC…` of the console. */
  readonly accountSid: string
  /**
   * Auth token of the account; a list while it is rotated. Webhooks signed with any of them are taken; the first one calls the API.
   * An API key cannot check signatures. Tokens differ by region. https://www.twilio.com/docs/usage/security#validating-requests
   */
  readonly authToken?: string | readonly string[]
  /** Auth tokens of sub-accounts whose webhooks come in here as well, by their `AC…`. @default none */
  readonly subaccounts?: Readonly<Record<string, string | readonly string[]>>
  /** Calls the API in place of the auth token. https://www.twilio.com/docs/iam/api-keys @default the first auth token */
  readonly apiKey?: { readonly sid: string; readonly secret: string }
  /**
   * The URL under which Twilio reaches this server, such as `https://comms.example.com`, with the path in front of ours when the proxy
   * takes one off. Signatures are checked against it, never against headers that a proxy or a stranger wrote; status callbacks go there.
   */
  readonly publicUrl?: string
  /** Take webhooks without a signature. Only for a network that nobody else reaches. @default false */
  readonly allowUnverifiedWebhooks?: boolean
  /** Who SMS come from: a number (E.164), a short code, an alphanumeric sender. @default none: `messagingServiceSid` or an option of the message */
  readonly from?: string
  /** Who WhatsApp messages come from: the number (E.164) of a WhatsApp sender. @default none */
  readonly whatsappFrom?: string
  /** `MG…`: the Messaging Service that chooses the sender where no `from` is set. @default none */
  readonly messagingServiceSid?: string
  /** Where messages go whose address does not say it (`whatsapp:+…` does). @default "sms" */
  readonly channel?: 'sms' | 'whatsapp'
  /** Name of this transport among others. @default "twilio" */
  readonly id?: string
  /** Where Twilio's webhooks come in: `<path>/incoming` and `<path>/status`. @default "/webhooks/twilio-sms" */
  readonly webhookPath?: string
  /**
   * What Twilio should do when our server does not take a status callback, as the fragment of its URL. By default it tries again after a
   * failed connection only, and a 503 would be lost. Empty: Twilio's own.
   * https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides @default "rc=3&rp=5xx,ct,rt"
   */
  readonly connectionOverrides?: string
  /** How much may be sent. Twilio queues what is over the rate of a number, so there is none by default. @default none */
  readonly sendLimits?: readonly SendLimit[]
  /** Another API, such as the simulator's; every call goes there. Over http only on this machine or a private network. @default Twilio's */
  readonly apiUrl?: string
  /** Twilio region such as `ie1`, with a token of its own. https://www.twilio.com/docs/global-infrastructure @default "us1" */
  readonly region?: string
  /** Twilio edge such as `dublin`. @default none */
  readonly edge?: string
  /** How long one call may take, in milliseconds; a send that takes longer ends as `send_uncertain`. @default 30000 */
  readonly timeoutMs?: number
  /** @default the global fetch */
  readonly fetch?: typeof globalThis.fetch
  /** Milliseconds since 1970; tells how old an uncertain send is when core does not. @default the system's clock */
  readonly now?: () => number
}

/** Made with the transport and not at import, of which it would be a third. */
function optionsSchema() {
  const accountSid = z.string().regex(/^AC[0-9a-f]{32}$/, 'expected AC and 32 hexadecimal digits')
  const tokens = z
    .union([z.string(), z.array(z.string()).min(1)], 'expected a token or a list of tokens')
    .transform((given) => [given].flat())
    .pipe(z.array(z.string().trim().min(1, 'expected a token, got an empty one')))
  const e164 = z.string().regex(/^\+[1-9]\d{5,14}$/, 'expected a number such as +12025550100')
  const baseUrl = z.url({ protocol: /^https?$/, error: 'expected an http or https URL' })

  return z
    .strictObject({
      accountSid,
      authToken: tokens.default([]),
      subaccounts: z.record(accountSid, tokens).default({}),
      apiKey: z.strictObject({ sid: z.string().startsWith('SK'), secret: z.string().min(1) }).optional(),
      publicUrl: baseUrl
        .transform((text) => new URL(text))
        // Twilio takes no underscore in a host (error 21609), and what it signs of user info differs by product.
        .refine(({ username, password, search }) => !username && !password && !search, 'expected a URL without user, password or query')
        .refine(({ hostname }) => !hostname.includes('_'), 'expected a host without underscore, which Twilio does not take')
        .transform(({ origin, pathname }) => origin + pathname.replace(/\/+$/, ''))
        .optional(),
      allowUnverifiedWebhooks: z.boolean().default(false),
      from: z
        .string()
        .trim()
        .regex(/^(\+[1-9]\d{5,14}|\d{3,8}|(?=.*[a-z])[a-z0-9 &+_-]{1,11})$/i, 'expected a number, a short code or an alphanumeric sender')
        .optional(),
      whatsappFrom: z
        .string()
        .transform((text) => text.replace(/^whatsapp:/, ''))
        .pipe(e164)
        .optional(),
      messagingServiceSid: z
        .string()
        .regex(/^MG[0-9a-f]{32}$/, 'expected MG and 32 hexadecimal digits')
        .optional(),
      channel: z.enum(['sms', 'whatsapp']).default('sms'),
      id: z.string().min(1).default('twilio'),
      webhookPath: z
        .string()
        .startsWith('/')
        .transform((path) => path.replace(/\/+$/, ''))
        .default('/webhooks/twilio-sms'),
      connectionOverrides: z
        .string()
        .transform((text) => text.replace(/^#/, ''))
        .pipe(z.string().regex(/^[\w=&,.-]*$/, 'expected connection overrides such as rc=3&rp=5xx,ct,rt'))
        .default('rc=3&rp=5xx,ct,rt'),
      sendLimits: z.array(z.strictObject({ messages: z.number().int().positive(), perMs: z.number().positive() })).optional(),
      apiUrl: baseUrl
        .refine(staysPrivate, 'expected https: the token is in each call; http only on this machine or a private network')
        .transform((text) => text.replace(/\/+$/, ''))
        .optional(),
      region: z.string().min(1).optional(),
      edge: z.string().min(1).optional(),
      timeoutMs: z.number().int().positive().default(30_000),
      fetch: z.custom<typeof globalThis.fetch>((value) => typeof value === 'function', 'expected a function').optional(),
      now: z.custom<() => number>((value) => typeof value === 'function', 'expected a function').default(() => Date.now),
    })
    .superRefine(({ authToken, publicUrl, allowUnverifiedWebhooks }, context) => {
      if (allowUnverifiedWebhooks) return
      const risk = 'without it anybody could write into the log (allowUnverifiedWebhooks: true takes that risk)'
      if (authToken.length === 0) context.addIssue({ code: 'custom', path: ['authToken'], message: `expected the auth token; ${risk}` })
      if (publicUrl === undefined) {
        context.addIssue({ code: 'custom', path: ['publicUrl'], message: `expected the URL that Twilio calls and signs; ${risk}` })
      }
    })
}

export type CheckedOptions = z.infer<ReturnType<typeof optionsSchema>> & { readonly fetch: typeof globalThis.fetch }

/** @throws CommsError `configuration_invalid`, naming each option that is missing or wrong, and no value of any. */
export function checkOptions(options: TwilioOptions): CheckedOptions {
  const checked = optionsSchema().safeParse(options)
  if (!checked.success) {
    // A path may hold a key of `subaccounts`, never one of its tokens.
    const problems = checked.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`)
    throw new CommsError('configuration_invalid', `twilioTransport: ${problems.join('; ')}`)
  }
  return { ...checked.data, fetch: checked.data.fetch ?? ((...call) => globalThis.fetch(...call)) }
}

/** Our URL as Twilio is to call it. */
export function webhookUrl({ publicUrl, webhookPath }: CheckedOptions, endpoint: 'incoming' | 'status'): string | undefined {
  return publicUrl === undefined ? undefined : `${publicUrl}${webhookPath}/${endpoint}`
}
