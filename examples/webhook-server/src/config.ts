import { randomBytes } from 'node:crypto'
import { parseContactAddress } from '@pipe-comms/core'
import { z } from 'zod'

/** What the server runs with. `sandbox` names what was not configured and is simulated or generated instead. */
export interface Config {
  readonly host: string
  readonly port: number
  readonly publicUrl: string | undefined
  readonly logLevel: string
  readonly production: boolean
  readonly persistence: 'json' | 'sqlite'
  readonly logsDir: string
  readonly sqliteFile: string
  readonly jwtSecret: string
  readonly defaultRegion: string
  readonly greenApi: {
    readonly instanceId: string
    readonly token: string | undefined
    readonly webhookToken: string
    readonly url: string | undefined
  }
  readonly espoCrm: {
    readonly url: string
    readonly apiKey: string
    readonly secretKey: string | undefined
    readonly webhooks: Readonly<Record<string, { readonly secretKey: string }>>
  }
  readonly sandbox: { readonly greenApi: boolean; readonly espoCrm: boolean; readonly webhookToken: boolean; readonly jwtSecret: boolean }
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

const text = z.string().trim().optional()
const schema = z.object({
  NODE_ENV: text,
  HOST: z.string().trim().default('127.0.0.1'),
  PORT: z.coerce.number('expected a port number').int().min(0).max(65_535).default(3000),
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent'], 'expected debug, info, warn, error or silent').default('info'),
  MESSAGE_EVENT_PERSISTENCE: z.enum(['json', 'sqlite'], 'expected json or sqlite').default('json'),
  SQLITE_FILE: z.string().trim().default('./logs/message_events.db'),
  MESSAGE_EVENT_LOGS_DIR: z.string().trim().default('./logs/message_events'),
  JWT_SECRET: z.string().min(JWT_SECRET_CHARACTERS, `expected at least ${JWT_SECRET_CHARACTERS} characters`).optional(),
  DEFAULT_REGION: z.string().trim().toUpperCase().refine(isRegion, 'expected an ISO country code such as FR').default('FR'),
  GREEN_API_INSTANCE_ID: z
    .string()
    .trim()
    .regex(/^\d{1,19}$/, 'expected digits, the idInstance of the console')
    .optional(),
  GREEN_API_TOKEN: text,
  GREEN_API_WEBHOOK_TOKEN: text,
  GREEN_API_URL: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).optional(),
  ESPOCRM_URL: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).optional(),
  ESPOCRM_API_KEY: text,
  ESPOCRM_SECRET_KEY: text,
  ESPOCRM_WEBHOOKS: z
    .string()
    .regex(/^\s*\w+(\.\w+)+=[^,=\s]+(\s*,\s*\w+(\.\w+)+=[^,=\s]+)*\s*$/, 'expected Lead.create=<secretKey>,Lead.update=<secretKey>,…')
    .optional(),
})

const ESPOCRM_CREDENTIALS = ['ESPOCRM_URL', 'ESPOCRM_API_KEY'] as const
const GREEN_API_CREDENTIALS = ['GREEN_API_INSTANCE_ID', 'GREEN_API_TOKEN', 'GREEN_API_WEBHOOK_TOKEN'] as const

/**
 * Reads the environment. An empty variable counts as not set. Secrets are never in an error.
 * @throws ConfigError with every problem at once.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''))
  const checked = schema.safeParse(given)
  const problems = checked.success ? [] : checked.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)

  const missing = GREEN_API_CREDENTIALS.filter((name) => !(name in given))
  const simulated = !('GREEN_API_INSTANCE_ID' in given) && !('GREEN_API_TOKEN' in given)
  if (!simulated) for (const name of missing) problems.push(`${name}: expected together with the other Green-API credentials`)
  const crmSimulated = ESPOCRM_CREDENTIALS.every((name) => !(name in given))
  for (const name of ESPOCRM_CREDENTIALS) {
    if (!crmSimulated && !(name in given)) problems.push(`${name}: expected together with the other EspoCRM credentials`)
  }
  const generated = !('JWT_SECRET' in given)
  if (given.NODE_ENV === 'production') {
    if (simulated) problems.push(`NODE_ENV=production: Green-API would be simulated; set ${GREEN_API_CREDENTIALS.join(', ')}`)
    if (crmSimulated) problems.push(`NODE_ENV=production: EspoCRM would be simulated; set ${ESPOCRM_CREDENTIALS.join(', ')}`)
    if (generated) problems.push('NODE_ENV=production: JWT_SECRET would be generated; set it')
  }
  if (problems.length > 0 || !checked.success) throw new ConfigError(problems)

  const settings = checked.data
  return {
    host: settings.HOST,
    port: settings.PORT,
    publicUrl: settings.PUBLIC_URL,
    logLevel: settings.LOG_LEVEL,
    production: settings.NODE_ENV === 'production',
    persistence: settings.MESSAGE_EVENT_PERSISTENCE,
    logsDir: settings.MESSAGE_EVENT_LOGS_DIR,
    sqliteFile: settings.SQLITE_FILE,
    jwtSecret: settings.JWT_SECRET ?? randomBytes(32).toString('hex'),
    defaultRegion: settings.DEFAULT_REGION,
    greenApi: {
      instanceId: settings.GREEN_API_INSTANCE_ID ?? SANDBOX_INSTANCE,
      token: settings.GREEN_API_TOKEN,
      webhookToken: settings.GREEN_API_WEBHOOK_TOKEN ?? randomBytes(16).toString('hex'),
      url: settings.GREEN_API_URL,
    },
    espoCrm: {
      url: settings.ESPOCRM_URL ?? '',
      apiKey: settings.ESPOCRM_API_KEY ?? '',
      secretKey: settings.ESPOCRM_SECRET_KEY,
      webhooks: webhookSecrets(settings.ESPOCRM_WEBHOOKS),
    },
    sandbox: {
      greenApi: simulated,
      espoCrm: crmSimulated,
      webhookToken: settings.GREEN_API_WEBHOOK_TOKEN === undefined,
      jwtSecret: generated,
    },
  }
}

function webhookSecrets(list: string | undefined): Record<string, { secretKey: string }> {
  const pairs = (list ?? '').split(',').flatMap((pair) => {
    const [event, secretKey] = pair.trim().split('=')
    return event && secretKey ? [[event, { secretKey }] as const] : []
  })
  return Object.fromEntries(pairs)
}

function isRegion(region: string): boolean {
  try {
    return parseContactAddress('+33639980001', { defaultRegion: region }).kind === 'phone'
  } catch {
    return false
  }
}
