import { randomBytes } from 'node:crypto'
import { parseContactAddress, staysPrivate } from '@pipe-comms/core'
import { z } from 'zod'
import { addressRange, isWideRange } from './remote-address.ts'
import { credential, isSecret, secret } from './secret.ts'

/** What the server runs with. `sandbox` names what was not configured and is simulated or generated instead. */
export interface Config {
  readonly host: string
  readonly port: number
  readonly publicUrl: string | undefined
  /** Whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[]
  readonly logLevel: string
  readonly production: boolean
  readonly persistence: 'json' | 'sqlite' | 'supabase'
  readonly logsDir: string
  readonly sqliteFile: string
  /** With persistence `supabase`: the project, or a PostgreSQL database of one's own. */
  readonly database: { readonly supabaseUrl: string; readonly serviceRoleKey: string } | { readonly url: string } | undefined
  readonly jwtSecret: string
  readonly defaultRegion: string
  /** Absent when it is switched off. */
  readonly greenApi?: {
    readonly instanceId: string
    readonly token: string | undefined
    readonly webhookToken: string
    readonly url: string | undefined
    /** Where files are uploaded; set by the sandbox alone, the real one follows from the instance. */
    readonly mediaUrl: string | undefined
    /** Where webhooks may come from; any address when absent. */
    readonly allowedAddresses: readonly string[] | undefined
  }
  /** Absent when it is switched off or simulated. */
  readonly twilio?: {
    readonly accountSid: string
    /** Two while the token is rotated. */
    readonly authTokens: readonly string[]
    /** A number, short code or name; or the `MG…` of a Messaging Service. */
    readonly from: string
    readonly url: string | undefined
    /** What Twilio signs. */
    readonly publicUrl: string
  }
  /** Absent when it is switched off or simulated. */
  readonly smtp?: {
    readonly host: string
    readonly port: number | undefined
    readonly user: string
    readonly password: string
    readonly from: string
    /** Set by the sandbox alone: its own certificate. */
    readonly ca?: string
  }
  /** Opens the webhook that takes mail. */
  readonly smtpInboundToken: string | undefined
  readonly smtpAuthservId: string | undefined
  readonly sandbox: {
    readonly greenApi: boolean
    readonly webhookToken: boolean
    readonly jwtSecret: boolean
    readonly twilio: boolean
    readonly smtp: boolean
    readonly espoCrm: boolean
  }
  /** Absent when it is switched off or simulated. */
  readonly espoCrm?: {
    readonly url: string
    readonly apiKey: string
    /** With it requests are signed (HMAC). */
    readonly secretKey: string | undefined
    /** By the CRM's event, such as `Lead.create`. */
    readonly webhooks: Readonly<Record<string, { readonly secretKey: string }>>
  }
}

/** Every variable with what is wrong with it. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(
      `The configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    )
    this.problems = problems
  }
}

const SANDBOX_INSTANCE = '7105000001'
/** HS256 wants a key of at least the size of its hash: https://www.rfc-editor.org/rfc/rfc7518#section-3.2 */
const JWT_SECRET_CHARACTERS = 32
/** Enough against guessing, when they are random: 64 bits in hexadecimal. */
const SECRET_CHARACTERS = 16

const text = z.string().trim().optional()
const webUrl = z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).optional()
const addresses = z
  .string()
  .transform((list) => list.split(',').map((address) => address.trim()))
  .refine((list) => list.every(addressRange), 'expected IP addresses or ranges such as 10.0.0.0/8, with commas between')
  .optional()
const proxies = addresses.refine(
  (list) => list === undefined || !list.some((text) => wide(text)),
  'expected the addresses of your own proxies, got a range of all addresses or a large part of them: anybody in it could name any address as their own',
)
function wide(text: string): boolean {
  const range = addressRange(text)
  return range !== undefined && isWideRange(range)
}
const schema = z.object({
  NODE_ENV: z
    .string()
    .trim()
    .refine((value) => ['production', 'development', 'test'].includes(value), {
      error: ({ input }) => `expected production, development or test, got ${JSON.stringify(String(input).slice(0, 40))}`,
    })
    .optional(),
  HOST: z.string().trim().default('127.0.0.1'),
  PORT: z.coerce.number('expected a port number').int().min(0).max(65_535).default(3000),
  PUBLIC_URL: webUrl,
  TRUST_PROXY: proxies,
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent'], 'expected debug, info, warn, error or silent').default('info'),
  MESSAGE_EVENT_PERSISTENCE: z.enum(['json', 'sqlite', 'supabase'], 'expected json, sqlite or supabase').default('json'),
  SQLITE_FILE: z.string().trim().default('./logs/message_events.db'),
  SUPABASE_URL: z.url({ protocol: /^https?$/, error: 'expected the URL of the project, https://<reference>.supabase.co' }).optional(),
  SUPABASE_SERVICE_ROLE_KEY: credential.optional(),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'expected postgres://user:password@host:port/database' }).optional(),
  MESSAGE_EVENT_LOGS_DIR: z.string().trim().default('./logs/message_events'),
  JWT_SECRET: secret(JWT_SECRET_CHARACTERS).optional(),
  DEFAULT_REGION: z.string().trim().toUpperCase().refine(isRegion, 'expected an ISO country code such as FR').default('FR'),
  GREEN_API_INSTANCE_ID: z
    .string()
    .trim()
    .regex(/^(\d{1,19}|off)$/, 'expected digits, the idInstance of the console, or off')
    .optional(),
  GREEN_API_TOKEN: credential.optional(),
  GREEN_API_WEBHOOK_TOKEN: secret(SECRET_CHARACTERS).optional(),
  GREEN_API_URL: webUrl,
  GREEN_API_ALLOWED_ADDRESSES: addresses,
  TWILIO_ACCOUNT_SID: z
    .string()
    .trim()
    .regex(/^(AC[0-9a-f]{32}|off)$/, 'expected AC and 32 hexadecimal digits, or off')
    .optional(),
  TWILIO_AUTH_TOKEN: z
    .string()
    .transform((list) => list.split(',').map((token) => token.trim()))
    .refine((tokens) => tokens.every((token) => /^[!-~]+$/.test(token)), 'expected a token, or two with a comma between')
    .optional(),
  TWILIO_SMS_FROM: text,
  TWILIO_API_URL: webUrl,
  SMTP_HOST: text,
  SMTP_PORT: z.coerce.number('expected a port number').int().min(1).max(65_535).optional(),
  SMTP_USER: text,
  SMTP_PASSWORD: z.string().optional(),
  SMTP_FROM: text,
  SMTP_INBOUND_TOKEN: secret(SECRET_CHARACTERS).optional(),
  SMTP_AUTHSERV_ID: text,
  ESPOCRM_URL: z
    .union([z.literal('off'), z.url({ protocol: /^https?$/ })], 'expected an http or https URL such as https://crm.example.com, or off')
    .optional(),
  ESPOCRM_API_KEY: credential.optional(),
  ESPOCRM_SECRET_KEY: credential.optional(),
  ESPOCRM_WEBHOOKS: z
    .string()
    .transform((list) =>
      list.split(',').map((pair) => /^\s*(\w+(?:\.\w+)+)=(\S+)\s*$/.exec(pair)?.slice(1) as [string, string] | undefined),
    )
    .refine(
      (pairs): pairs is [string, string][] => pairs.every((pair) => pair !== undefined && isSecret(pair[1], SECRET_CHARACTERS)),
      `expected Lead.create=<secretKey>,Lead.update=<secretKey>,… with keys of at least ${SECRET_CHARACTERS} characters`,
    )
    .optional(),
})

/** Names of all variables that the server reads. */
export const configVariables: readonly string[] = Object.keys(schema.shape)

const TWILIO_SETTINGS = ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_SMS_FROM'] as const
const SMTP_SETTINGS = ['SMTP_HOST', 'SMTP_USER', 'SMTP_PASSWORD'] as const
const ESPOCRM_SETTINGS = ['ESPOCRM_URL', 'ESPOCRM_API_KEY'] as const
const GREEN_API_CREDENTIALS = ['GREEN_API_INSTANCE_ID', 'GREEN_API_TOKEN', 'GREEN_API_WEBHOOK_TOKEN'] as const

/**
 * Reads the environment. An empty variable counts as not set. Secrets are never in an error.
 * @throws ConfigError with every problem at once.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''))
  const checked = schema.safeParse(given)
  const problems = checked.success ? [] : checked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)

  const greenApi = readGreenApi(given)
  const twilio = readTwilio(given)
  const smtp = readSmtp(given)
  const espoCrm = readEspoCrm(given)
  problems.push(...greenApi.problems, ...twilio.problems, ...smtp.problems, ...espoCrm.problems)
  if (given.MESSAGE_EVENT_PERSISTENCE === 'supabase') problems.push(...databaseProblems(given))
  const generated = !('JWT_SECRET' in given)
  if (given.NODE_ENV === 'production') {
    if (greenApi.mode === 'simulated') {
      problems.push(
        `NODE_ENV=production: Green-API would be simulated; set ${GREEN_API_CREDENTIALS.join(', ')}, or GREEN_API_INSTANCE_ID=off`,
      )
    }
    if (twilio.mode === 'simulated') {
      problems.push(`NODE_ENV=production: Twilio would be simulated; set ${TWILIO_SETTINGS.join(', ')}, or TWILIO_ACCOUNT_SID=off`)
    }
    if (smtp.mode === 'simulated') {
      problems.push(`NODE_ENV=production: SMTP would be simulated; set ${SMTP_SETTINGS.join(', ')}, or SMTP_HOST=off`)
    }
    if (espoCrm.mode === 'simulated') {
      problems.push(`NODE_ENV=production: EspoCRM would be simulated; set ${ESPOCRM_SETTINGS.join(', ')}, or ESPOCRM_URL=off`)
    }
    if (generated) problems.push('NODE_ENV=production: JWT_SECRET would be generated; set it')
    problems.push(...unencrypted(given))
  }
  if (problems.length > 0 || !checked.success) throw new ConfigError(problems)

  const settings = checked.data
  return {
    host: settings.HOST,
    port: settings.PORT,
    publicUrl: settings.PUBLIC_URL,
    trustedProxies: settings.TRUST_PROXY ?? [],
    logLevel: settings.LOG_LEVEL,
    production: settings.NODE_ENV === 'production',
    persistence: settings.MESSAGE_EVENT_PERSISTENCE,
    logsDir: settings.MESSAGE_EVENT_LOGS_DIR,
    sqliteFile: settings.SQLITE_FILE,
    database: databaseOf(settings),
    jwtSecret: settings.JWT_SECRET ?? randomBytes(32).toString('hex'),
    defaultRegion: settings.DEFAULT_REGION,
    ...(greenApi.mode === 'off' ? {} : { greenApi: greenApiOf(settings) }),
    ...(twilio.mode === 'real' ? { twilio: twilioOf(settings) } : {}),
    ...(smtp.mode === 'real' ? { smtp: smtpOf(settings) } : {}),
    ...(espoCrm.mode === 'real' ? { espoCrm: espoCrmOf(settings) } : {}),
    smtpInboundToken: settings.SMTP_INBOUND_TOKEN,
    smtpAuthservId: settings.SMTP_AUTHSERV_ID,
    sandbox: {
      greenApi: greenApi.mode === 'simulated',
      webhookToken: greenApi.mode !== 'off' && settings.GREEN_API_WEBHOOK_TOKEN === undefined,
      jwtSecret: generated,
      twilio: twilio.mode === 'simulated',
      smtp: smtp.mode === 'simulated',
      espoCrm: espoCrm.mode === 'simulated',
    },
  }
}

interface Provider {
  readonly mode: 'real' | 'simulated' | 'off'
  readonly problems: readonly string[]
}

function readGreenApi(given: Readonly<Record<string, unknown>>): Provider {
  if (given.GREEN_API_INSTANCE_ID === 'off') return { mode: 'off', problems: [] }
  if (!('GREEN_API_INSTANCE_ID' in given) && !('GREEN_API_TOKEN' in given)) return { mode: 'simulated', problems: [] }
  const missing = GREEN_API_CREDENTIALS.filter((name) => !(name in given))
  return { mode: 'real', problems: missing.map((name) => `${name}: expected together with the other Green-API credentials`) }
}

/** Variables whose URL carries credentials or personal data, or decides which signatures are right. */
const URLS = ['PUBLIC_URL', 'GREEN_API_URL', 'TWILIO_API_URL', 'ESPOCRM_URL', 'SUPABASE_URL'] as const

/** What would cross the internet without encryption. Hosts of this machine and of private networks are left to the operator. */
function unencrypted(given: Readonly<Record<string, unknown>>): string[] {
  return URLS.flatMap((name) => {
    const url = URL.parse(String(given[name] ?? ''))
    if (!url || staysPrivate(url.href)) return []
    return [`${name}: expected https:// with NODE_ENV=production, got http://${url.host}`]
  })
}

function readTwilio(given: Readonly<Record<string, unknown>>): Provider {
  if (given.TWILIO_ACCOUNT_SID === 'off') return { mode: 'off', problems: [] }
  const missing = TWILIO_SETTINGS.filter((name) => !(name in given))
  if (missing.length === TWILIO_SETTINGS.length && !('TWILIO_API_URL' in given)) return { mode: 'simulated', problems: [] }
  const problems = missing.map((name) => `${name}: expected together with the other Twilio settings`)
  if (!('PUBLIC_URL' in given)) problems.push('PUBLIC_URL: expected with Twilio, which signs the URL that it calls')
  return { mode: 'real', problems }
}

function readSmtp(given: Readonly<Record<string, unknown>>): Provider {
  if (given.SMTP_HOST === 'off') return { mode: 'off', problems: [] }
  const missing = SMTP_SETTINGS.filter((name) => !(name in given))
  if (missing.length === SMTP_SETTINGS.length) return { mode: 'simulated', problems: [] }
  return { mode: 'real', problems: missing.map((name) => `${name}: expected together with the other SMTP settings`) }
}

type Settings = z.output<typeof schema>

function greenApiOf(settings: Settings): NonNullable<Config['greenApi']> {
  return {
    instanceId: settings.GREEN_API_INSTANCE_ID ?? SANDBOX_INSTANCE,
    token: settings.GREEN_API_TOKEN,
    webhookToken: settings.GREEN_API_WEBHOOK_TOKEN ?? randomBytes(16).toString('hex'),
    url: settings.GREEN_API_URL,
    mediaUrl: undefined,
    allowedAddresses: settings.GREEN_API_ALLOWED_ADDRESSES,
  }
}

/** What is missing was refused before. */
function twilioOf(settings: Settings): NonNullable<Config['twilio']> {
  return {
    accountSid: settings.TWILIO_ACCOUNT_SID as string,
    authTokens: settings.TWILIO_AUTH_TOKEN as string[],
    from: settings.TWILIO_SMS_FROM as string,
    url: settings.TWILIO_API_URL,
    publicUrl: settings.PUBLIC_URL as string,
  }
}

/** The sender is the user where the user is an address, as with most relays. */
function smtpOf(settings: Settings): NonNullable<Config['smtp']> {
  const user = settings.SMTP_USER as string
  return {
    host: settings.SMTP_HOST as string,
    port: settings.SMTP_PORT,
    user,
    password: settings.SMTP_PASSWORD as string,
    from: settings.SMTP_FROM ?? user,
  }
}

function readEspoCrm(given: Readonly<Record<string, unknown>>): Provider {
  if (given.ESPOCRM_URL === 'off') return { mode: 'off', problems: [] }
  const missing = ESPOCRM_SETTINGS.filter((name) => !(name in given))
  if (missing.length === ESPOCRM_SETTINGS.length) return { mode: 'simulated', problems: [] }
  return { mode: 'real', problems: missing.map((name) => `${name}: expected together with the other EspoCRM settings`) }
}

function espoCrmOf(settings: Settings): NonNullable<Config['espoCrm']> {
  const { ESPOCRM_URL: url, ESPOCRM_API_KEY: apiKey, ESPOCRM_SECRET_KEY: secretKey, ESPOCRM_WEBHOOKS: webhooks = [] } = settings
  // Pairs that cannot be read were refused before.
  const secrets = (webhooks as [string, string][]).map(([event, secretKey]) => [event, { secretKey }] as const)
  return { url: url as string, apiKey: apiKey as string, secretKey, webhooks: Object.fromEntries(secrets) }
}

function databaseProblems(given: Readonly<Record<string, unknown>>): string[] {
  const supabase = ['SUPABASE_URL', 'SUPABASE_SERVICE_ROLE_KEY'].filter((name) => !(name in given))
  if ('DATABASE_URL' in given) {
    return supabase.length < 2 ? ['DATABASE_URL: expected either this or SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY, got both'] : []
  }
  return supabase.map((name) => `${name}: expected with MESSAGE_EVENT_PERSISTENCE=supabase (or DATABASE_URL for plain PostgreSQL)`)
}

function databaseOf({
  MESSAGE_EVENT_PERSISTENCE: persistence,
  SUPABASE_URL: supabaseUrl,
  SUPABASE_SERVICE_ROLE_KEY: serviceRoleKey,
  DATABASE_URL: url,
}: z.infer<typeof schema>): Config['database'] {
  if (persistence !== 'supabase') return undefined
  return supabaseUrl !== undefined && serviceRoleKey !== undefined ? { supabaseUrl, serviceRoleKey } : { url: url as string }
}

function isRegion(region: string): boolean {
  try {
    return parseContactAddress('+33639980001', { defaultRegion: region }).kind === 'phone'
  } catch {
    return false
  }
}
