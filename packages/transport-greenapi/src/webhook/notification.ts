import { createHash } from 'node:crypto'
import { anyContactAddress, CommsError, type ContactAddress, type EventFact, idempotencyKey, readLeniently } from '@pipe-comms/core'
import { z } from 'zod'

/**
 * One notification, its envelope understood.
 * https://green-api.com/en/docs/api/receiving/notifications-format/
 */
export interface Notification {
  readonly typeWebhook: string
  readonly idInstance: string
  /** Our own address; absent while the instance is not authorised. */
  readonly endpoint?: ContactAddress
  readonly occurredAt?: string
  readonly via: 'webhook' | 'poll'
  /** The body, parsed. */
  readonly body: z.core.util.JSONType
  /** What the log keeps of the body: the same, or its text where parsing loses something. */
  readonly raw: z.core.util.JSONType
  /** Collects what is left out, see `readLeniently`. */
  readonly unread: string[]
}

/** Turns the notifications of one kind into facts. @throws CommsError `webhook_unparsable` */
export type NotificationReader = (notification: Notification) => readonly EventFact[]

/** A reader of the notifications that have what `schema` requires. An odd part that it does not require is left out. */
export function reader<Schema extends z.ZodType>(
  schema: Schema,
  read: (fields: z.output<Schema>, notification: Notification) => readonly EventFact[],
): NotificationReader {
  return (notification) => read(check(schema, notification.body, notification.typeWebhook, notification.unread), notification)
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

/** The contact of a chat id, of kind `other` when it is of no known form. https://green-api.com/en/docs/api/chat-id/ @throws CommsError `webhook_unparsable` */
export function address(chatId: string): ContactAddress {
  const contact = addressIfAny(chatId)
  if (contact === undefined) throw unparsable(`expected a chat id, got ${quote(chatId)}`)
  return contact
}

/** The same for a chat id that may be missing or blank. */
export function addressIfAny(chatId: string | undefined): ContactAddress | undefined {
  return chatId === undefined || chatId.trim() === '' ? undefined : anyContactAddress(chatId)
}

/**
 * Reads what `schema` requires, and what is as expected of the rest.
 * @param unread takes the notes about what is left out
 * @param at path of the value in the body
 * @throws CommsError `webhook_unparsable` when a required part is missing or odd.
 */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
  unread: string[],
  at?: string,
): z.output<Schema> {
  const checked = readLeniently(schema, value, at)
  if (!checked.success) throw unparsable(`expected ${what}: ${checked.problems.join('; ')}`)
  unread.push(...checked.unread)
  return checked.data
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
