import { type Clock, CommsError, type IdSource, type Sleep, staysPrivate, systemClock, timerSleep, uuidSource } from '@pipe-comms/core'
import { z } from 'zod'
import { withoutScheme } from './webhook/authorization.ts'
import { isAddressRange } from './webhook/source-address.ts'

export interface GreenApiOptions {
  /** `idInstance` of the console, such as `7105000001`. */
  readonly idInstance: string | number
  /** `apiTokenInstance` of the console, at least 16 characters. Without it messages come in but none can be sent. */
  readonly apiToken?: string
  /**
   * What Green-API sends in `Authorization`: the instance's setting `webhookUrlToken`, with or without its scheme (`Bearer xyz`, `xyz`). At
   * least 16 printable characters of ASCII without the scheme: whoever guesses it writes into the log.
   * https://green-api.com/en/docs/api/receiving/technology-webhook-endpoint/
   */
  readonly webhookToken?: string
  /** Take webhooks without a token. Only for a network that nobody else reaches. @default false */
  readonly allowUnverifiedWebhooks?: boolean
  /**
   * Addresses that webhooks may come from, besides the token: IPv4 or IPv6, single or as CIDR ranges (`51.250.84.0/24`). Green-API's
   * change without notice, so keep the list up to date or leave it out. Needs `remoteAddress` in the origin given to `comms.handle`;
   * behind a proxy, the address that the proxy saw. @default any address
   */
  readonly allowedSourceAddresses?: readonly string[]
  /** `apiUrl` of the console. Over http only on this machine or a private network, because the token is in each call. @default `https://<first four digits of idInstance>.api.greenapi.com` */
  readonly apiUrl?: string
  /** Where files are uploaded: `mediaUrl` of the console; over http as `apiUrl`. @default `https://<first four digits of idInstance>.media.greenapi.com` */
  readonly mediaUrl?: string
  /** The public base URL of our server, such as `https://comms.example.com`: what the probe expects and `applySettings` writes. */
  readonly publicUrl?: string
  /**
   * Ask Green-API for notifications instead of being called, for servers without a public URL. The instance's `webhookUrl` must be
   * empty, and only one process may ask. https://green-api.com/en/docs/api/receiving/technology-http-api/ @default false
   */
  readonly inbox?: boolean
  /** Name of this transport among others. @default "greenapi" */
  readonly id?: string
  /** Where Green-API's webhooks come in on our server. @default "/webhooks/greenapi" */
  readonly webhookPath?: string
  /** How long one call may take, in milliseconds; a send that takes longer ends as `send_uncertain`. @default 30000 */
  readonly timeoutMs?: number
  /** How long the upload of one file may take, in milliseconds: 100 MB over a slow line. @default 300000 */
  readonly uploadTimeoutMs?: number
  /** @default the global fetch */
  readonly fetch?: typeof globalThis.fetch
  /** @default the system's clock */
  readonly clock?: Clock
  /** Waits for a turn under the rate limits. @default a timer */
  readonly sleep?: Sleep
  /** Names the boundary between the parts of an upload. @default UUIDv7 */
  readonly ids?: IdSource
}

function callable<Type>() {
  return z.custom<Type>((value) => typeof value === 'function', 'expected a function')
}

/** A token goes into a header or a URL, so it is one word of printable ASCII. Their real ones are 50 hexadecimal digits. */
const LEAST_CHARACTERS = 16
function secret(withoutScheme: (text: string) => string) {
  return z
    .string()
    .trim()
    .refine((token) => /^[\x21-\x7e]*$/.test(withoutScheme(token)), 'expected printable ASCII without spaces')
    .refine(
      (token) => withoutScheme(token).length >= LEAST_CHARACTERS,
      `expected at least ${LEAST_CHARACTERS} characters, got fewer: whoever guesses it is taken for Green-API or for us`,
    )
}

function calledUrl() {
  return z
    .url({ protocol: /^https?$/ })
    .refine(staysPrivate, 'expected https: the token is in each call; http only on this machine or a private network')
}

const schema = z
  .strictObject({
    idInstance: z
      .union([z.string(), z.number()], 'expected digits')
      .transform(String)
      .pipe(z.string().regex(/^\d{1,19}$/, 'expected digits')),
    apiToken: secret((token) => token).optional(),
    webhookToken: secret(withoutScheme).optional(),
    allowUnverifiedWebhooks: z.boolean().default(false),
    allowedSourceAddresses: z
      .array(z.string().refine(isAddressRange, 'expected an IP address or a CIDR range such as 51.250.84.0/24'))
      .min(1, 'expected at least one address; leave it out to allow any')
      .optional(),
    apiUrl: calledUrl().optional(),
    mediaUrl: calledUrl().optional(),
    publicUrl: z.url({ protocol: /^https?$/ }).optional(),
    inbox: z.boolean().default(false),
    id: z.string().min(1).default('greenapi'),
    webhookPath: z.string().startsWith('/').default('/webhooks/greenapi'),
    timeoutMs: z.number().int().positive().default(30_000),
    uploadTimeoutMs: z.number().int().positive().default(300_000),
    fetch: callable<typeof globalThis.fetch>().optional(),
    clock: z.custom<Clock>().optional(),
    sleep: callable<Sleep>().optional(),
    ids: z.custom<IdSource>().optional(),
  })
  .refine(({ webhookToken, allowUnverifiedWebhooks, inbox }) => webhookToken !== undefined || allowUnverifiedWebhooks || inbox, {
    path: ['webhookToken'],
    message:
      'expected the webhookUrlToken of the instance; without one anybody could write into the log (allowUnverifiedWebhooks: true takes that risk)',
  })

export interface CheckedOptions extends Omit<z.infer<typeof schema>, 'apiUrl' | 'mediaUrl' | 'fetch' | 'clock' | 'sleep' | 'ids'> {
  readonly apiUrl: string
  readonly mediaUrl: string
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
  readonly sleep: Sleep
  readonly ids: IdSource
}

/** @throws CommsError `configuration_invalid`, naming each option that is missing or wrong, and no value of any. */
export function checkOptions(options: GreenApiOptions): CheckedOptions {
  const checked = schema.safeParse(options)
  if (!checked.success) {
    const problems = checked.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`)
    throw new CommsError('configuration_invalid', `greenApiTransport: ${problems.join('; ')}`)
  }
  const { idInstance, apiUrl, mediaUrl, publicUrl, ...rest } = checked.data
  // https://green-api.com/en/docs/api/
  const host = (name: string) => `https://${idInstance.slice(0, 4)}.${name}.greenapi.com`
  const base = (url: string) => url.replace(/\/+$/, '')
  return {
    ...rest,
    idInstance,
    apiUrl: base(apiUrl ?? host('api')),
    mediaUrl: base(mediaUrl ?? host('media')),
    ...(publicUrl === undefined ? {} : { publicUrl: base(publicUrl) }),
    fetch: rest.fetch ?? ((...call) => globalThis.fetch(...call)),
    clock: rest.clock ?? systemClock,
    sleep: rest.sleep ?? timerSleep,
    ids: rest.ids ?? uuidSource,
  }
}
