import { createHash } from 'node:crypto'
import { CommsError, type ContactAddress, type EventFact, idempotencyKey, parseContactAddress } from '@pipe-comms/core'
import { z } from 'zod'

/**
 * One notification, its envelope understood; `raw` is the whole of it.
 * https://green-api.com/en/docs/api/receiving/notifications-format/
 */
export interface Notification {
  readonly typeWebhook: string
  readonly idInstance: string
  /** Our own address; absent while the instance is not authorised. */
  readonly endpoint?: ContactAddress
  readonly occurredAt?: string
  readonly via: 'webhook' | 'poll'
  readonly raw: z.core.util.JSONType
}

/** Turns the notifications of one kind into facts. @throws CommsError `webhook_unparsable` */
export type NotificationReader = (notification: Notification) => readonly EventFact[]

/** A reader of the notifications that keep `schema`; fields that it does not name are let pass. */
export function reader<Schema extends z.ZodType>(
  schema: Schema,
  read: (fields: z.output<Schema>, notification: Notification) => readonly EventFact[],
): NotificationReader {
  return (notification) => read(check(schema, notification.raw, notification.typeWebhook), notification)
}

/** What every fact of a notification shares. The key names the fact within its instance. */
export function envelopeOf({ idInstance, endpoint, occurredAt, via, raw }: Notification, ...key: [kind: string, ...parts: string[]]) {
  const name = idempotencyKey('greenapi', idInstance, ...key)
  if (name.length > MAX_KEY_LENGTH) throw unparsable(`expected ids of the usual length, got a key of ${name.length} characters`)
  return {
    idempotencyKey: name,
    channel: 'whatsapp',
    provider: 'greenapi',
    account: idInstance,
    ...present({ endpoint, occurredAt }),
    source: { via, raw },
  }
}

/** Names a fact that has no id by what it says. */
export function fingerprint(...parts: readonly (string | number | null | undefined)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

/** What the schema of events allows. */
const MAX_KEY_LENGTH = 512

/** An id of Green-API's. */
export const id = z.string().min(1).max(256)

/** A text that may be missing: Green-API writes `""` for what it does not know, and some fields come as `null`. */
export const text = z
  .string()
  .nullish()
  .transform((value) => value || undefined)

export const boolean = z
  .boolean()
  .nullish()
  .transform((value) => value ?? undefined)

export const unixSeconds = z.number().int().positive().max(99_999_999_999)

export function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}

/** The contact of a chat id. https://green-api.com/en/docs/api/chat-id/ @throws CommsError `webhook_unparsable` */
export function address(chatId: string): ContactAddress {
  const contact = addressIfAny(chatId)
  if (contact === undefined) throw unparsable(`expected a chat id, got ${quote(chatId)}`)
  return contact
}

/** The contact of a chat id without which the notification is understood all the same; none when it is odd. */
export function addressIfAny(chatId: string | undefined): ContactAddress | undefined {
  try {
    const contact = chatId === undefined ? undefined : parseContactAddress(chatId)
    return contact && CHAT_KINDS.has(contact.kind) && contact.raw.includes('@') ? contact : undefined
  } catch {
    return undefined
  }
}

const CHAT_KINDS: ReadonlySet<ContactAddress['kind']> = new Set(['phone', 'lid', 'group', 'broadcast'])

export function check<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const checked = schema.safeParse(value)
  if (checked.success) return checked.data
  const problems = checked.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`)
  throw unparsable(`expected ${what}: ${problems.join('; ')}`)
}

/** The entry of a dispatch table. Only its own: the name comes from outside, and `constructor` is one too. */
export function entryOf<Entry>(table: Readonly<Record<string, Entry>>, name: string, field: string): Entry {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined
  if (entry === undefined) throw unparsable(`${field} ${quote(name)} is not known`)
  return entry
}

export function unparsable(reason: string, cause?: unknown): CommsError {
  return new CommsError('webhook_unparsable', `Green-API: ${reason}`, cause === undefined ? {} : { cause })
}

/** The same without the fields that are undefined. */
export function present<Fields extends object>(fields: Fields): Present<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<Fields>
}

type Present<Fields> = {
  [Name in keyof Fields as undefined extends Fields[Name] ? never : Name]: Fields[Name]
} & { [Name in keyof Fields as undefined extends Fields[Name] ? Name : never]?: Exclude<Fields[Name], undefined> }

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 60))
}
