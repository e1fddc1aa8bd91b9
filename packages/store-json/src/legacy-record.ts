import { type ContactAddress, type EventFact, idempotencyKey, isCommsError, parseContactAddress } from '@pipe-comms/core'

/** A record of an older file: whatever the backend of that day wrote. */
export type LegacyRecord = unknown

const PROVIDERS: Readonly<Record<string, string>> = { whatsapp: 'greenapi', sms: 'twilio', email: 'smtp' }
const INBOUND = new Set(['inbound', 'incoming', 'received', 'in'])
const OUTBOUND = new Set(['outbound', 'outgoing', 'sent', 'out'])
const EPOCH = '1970-01-01T00:00:00.000Z'

/** The fact that a record holds, or, when it cannot be told, the record itself in quarantine. */
export function legacyFact(record: LegacyRecord, sha256: string, options: { readonly defaultRegion?: string }): EventFact {
  try {
    return messageIn(record, sha256, options) ?? quarantined(record, sha256, 'not a message in the usual fields')
  } catch (error) {
    if (!isCommsError(error)) throw error
    return quarantined(record, sha256, error.message)
  }
}

function messageIn(record: LegacyRecord, sha256: string, options: { readonly defaultRegion?: string }): EventFact | undefined {
  const text = textOf(record, ['text', 'body', 'message', 'content'])
  const channel = textOf(record, ['channel'])?.toLowerCase()
  const way = textOf(record, ['direction', 'type', 'eventType'])?.toLowerCase() ?? ''
  const direction = INBOUND.has(way) ? 'inbound' : OUTBOUND.has(way) ? 'outbound' : undefined
  if (text === undefined || !channel || !(channel in PROVIDERS) || !direction) return undefined
  const raw = textOf(record, direction === 'inbound' ? ['from', 'contact', 'phone', 'email'] : ['to', 'contact', 'phone', 'email'])
  if (raw === undefined) return undefined

  const contact: ContactAddress = parseContactAddress(raw, options)
  const provider =
    textOf(record, ['provider'])
      ?.toLowerCase()
      .replace(/[^a-z0-9]/g, '') || (PROVIDERS[channel] as string)
  const providerMessageId = textOf(record, ['providerMessageId', 'idMessage', 'messageSid', 'messageId', 'id']) ?? sha256
  const shared = {
    idempotencyKey: idempotencyKey('legacy', provider, direction, contact.value, providerMessageId),
    channel,
    provider,
    contact,
    messageId: `${provider}:${providerMessageId}`,
    providerMessageId,
    occurredAt: timeOf(record),
    source: { via: 'import' as const, raw: record },
  }
  return direction === 'inbound'
    ? { type: 'message.received', direction, ...shared, data: { text } }
    : { type: 'message.sent', direction, ...shared, data: { origin: 'api', content: { text } } }
}

function quarantined(record: LegacyRecord, sha256: string, reason: string): EventFact {
  return {
    type: 'webhook.quarantined',
    idempotencyKey: idempotencyKey('quarantine', 'legacy', sha256),
    channel: 'unknown',
    provider: 'legacy',
    occurredAt: timeOf(record),
    source: { via: 'import' },
    data: {
      transport: 'legacy',
      reason,
      method: 'IMPORT',
      path: '/',
      contentType: 'application/json',
      body: JSON.stringify(record),
      bodyEncoding: 'utf8',
      bodySha256: sha256,
    },
  }
}

function fieldOf(record: LegacyRecord, names: readonly string[]): unknown {
  if (typeof record !== 'object' || record === null) return undefined
  const fields = record as Readonly<Record<string, unknown>>
  return names
    .map((name) => (Object.hasOwn(fields, name) ? fields[name] : undefined))
    .find((value) => value !== undefined && value !== null && value !== '')
}

/** Text, or a number written without quotes, or the text inside `{ "text": … }`. */
function textOf(record: LegacyRecord, names: readonly string[]): string | undefined {
  const value = fieldOf(record, names)
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return typeof value === 'object' && value !== null ? textOf(value, ['text', 'body']) : undefined
}

/** ISO text, or Unix seconds or milliseconds; 1970 when the record has no time that can be read. */
function timeOf(record: LegacyRecord): string {
  const value = fieldOf(record, ['occurredAt', 'timestamp', 'createdAt', 'receivedAt', 'date'])
  const number = typeof value === 'number' ? value : Number.NaN
  const date = Number.isNaN(number)
    ? new Date(typeof value === 'string' ? value : Number.NaN)
    : new Date(number < 1e11 ? number * 1000 : number)
  return Number.isNaN(date.getTime()) ? EPOCH : date.toISOString()
}
