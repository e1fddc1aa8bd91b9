import { CommsError } from '@pipe-comms/core'
import { z } from 'zod'

/** Where the CRM is and who we are there. */
export interface EspoCrmConnection {
  /** Of the site, such as `https://crm.example.com`; `/api/v1` is added. */
  readonly url: string
  /** Of an API user with read access to leads, contacts and accounts. https://docs.espocrm.com/administration/api-users/ */
  readonly apiKey: string
  /** For an API user with the method HMAC. @default the key itself is sent */
  readonly secretKey?: string
  /** How long one call may take, in milliseconds. @default 10000 */
  readonly timeoutMs?: number
  /** @default the global fetch */
  readonly fetch?: typeof globalThis.fetch
}

export interface EspoCrmDirectoryOptions extends EspoCrmConnection {
  /** ISO 3166 country of the numbers that the CRM holds without one, such as `FR`. @default none: they match nothing */
  readonly defaultRegion?: string
  /** Take `a+shop@example.com` for `a@example.com`. @default false */
  readonly plusTags?: boolean
  /** The CRM's setting `phoneNumberExtensions`: many numbers end with ` ext. 12`. The first search finds them then, otherwise a second one. @default false */
  readonly phoneNumberExtensions?: boolean
  /** Which records may be a lead. @default Lead, Contact and Account */
  readonly entityTypes?: readonly EspoEntityType[]
  /** The webhooks made in the CRM, by event such as `Lead.create`, each with what the CRM gave when it was made. */
  readonly webhooks?: Readonly<Record<string, EspoWebhookSecret>>
  /** Where the webhooks come in; the event's name is added, for EspoCRM does not send it. @default "/webhooks/espocrm" */
  readonly webhookPath?: string
  /** Keep every record's addresses in memory, read at the start and kept up by the webhooks and a sweep. Leads are then known without asking. @default false */
  readonly localIndex?: boolean
  /** Between two sweeps for what has changed, in milliseconds: webhooks may be lost. Without `localIndex`, unused. @default 300000 (5 minutes) */
  readonly sweepMs?: number
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number
}

export type EspoEntityType = 'Lead' | 'Contact' | 'Account'

export interface EspoWebhookSecret {
  /** As EspoCRM made it: at least 16 characters. */
  readonly secretKey: string
  /** When given, a webhook with another id is refused. */
  readonly id?: string | undefined
}

// What a person copies may bring a line break or an invisible character with it; in a header it is an error without a name.
const printable = z.string().regex(/^[!-~]+$/, 'expected printable ASCII characters without spaces')
/** EspoCRM makes 32 hexadecimal digits. A shorter one can be guessed, and then anybody can say that a lead has changed. */
const webhookSecret = printable
  .min(16, 'expected at least 16 characters')
  .refine((secret) => new Set(secret).size >= 5, 'expected at least 5 different characters')

const connection = {
  url: z.url({ protocol: /^https?$/, error: 'expected an http or https URL' }).transform((url) => url.replace(/(\/api\/v1)?\/*$/, '')),
  apiKey: printable,
  secretKey: printable.optional(),
  timeoutMs: z.number().int().positive().default(10_000),
  fetch: z
    .custom<typeof globalThis.fetch>((value) => typeof value === 'function', 'expected a function')
    .default(
      () =>
        (...call: Parameters<typeof globalThis.fetch>) =>
          globalThis.fetch(...call),
    ),
}
const connectionSchema = z.object(connection)
export type CheckedConnection = z.infer<typeof connectionSchema>

const schema = z.strictObject({
  ...connection,
  defaultRegion: z.string().length(2).optional(),
  plusTags: z.boolean().default(false),
  phoneNumberExtensions: z.boolean().default(false),
  entityTypes: z
    .array(z.enum(['Lead', 'Contact', 'Account']))
    .min(1)
    .default(['Lead', 'Contact', 'Account']),
  webhooks: z
    .record(
      z.string().regex(/^(Lead|Contact|Account)\.(create|update|delete|fieldUpdate\.\w+)$/, 'expected an event such as Lead.create'),
      z.strictObject({ secretKey: webhookSecret, id: z.string().min(1).optional() }),
    )
    .default({}),
  webhookPath: z.string().startsWith('/').default('/webhooks/espocrm'),
  localIndex: z.boolean().default(false),
  sweepMs: z.number().int().positive().default(300_000),
  now: z.custom<() => number>((value) => typeof value === 'function', 'expected a function').default(() => Date.now),
})
export type CheckedOptions = z.infer<typeof schema>

/** @throws CommsError `configuration_invalid`, naming each option that is missing or wrong, and no value of any. */
export function checkOptions(options: EspoCrmDirectoryOptions): CheckedOptions {
  return checked(schema, 'espoCrmDirectory', options)
}

/** The part of any options that says where the CRM is. @throws CommsError `configuration_invalid` */
export function checkConnection(who: string, options: EspoCrmConnection): CheckedConnection {
  return checked(connectionSchema, who, options)
}

function checked<Schema extends z.ZodType>(against: Schema, who: string, options: unknown): z.infer<Schema> {
  const result = against.safeParse(options)
  if (result.success) return result.data
  const problems = result.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`)
  throw new CommsError('configuration_invalid', `${who}: ${problems.join('; ')}`)
}
