import { CommsError, eventToJson, type NewEvent, upcastEvent } from '@pipe-comms/core'
import { toColumn } from './column-text.ts'

/**
 * One event on its way into `message_events`, all text taken from it: what the caller does to its object later changes nothing. Names
 * are as {@link toColumn} writes them.
 */
export interface EventRow {
  readonly idempotencyKey: string
  readonly eventId: string
  readonly eventType: string
  readonly channel: string
  readonly leadId: string | null
  readonly messageId: string | null
  readonly occurredAt: string
  /** The event as JSON text, without its place. */
  readonly json: string
}

/** @throws CommsError `event_invalid` for what the table cannot hold, before it could spoil the write of others. */
export function toRow(event: NewEvent): EventRow {
  // What could not be read back is refused as well.
  upcastEvent(event)
  const leadId = event.lead?.id ?? (event.type === 'lead.uncorrelated' ? event.data.leadId : null)
  const { idempotencyKey, id, type, channel, messageId = null, occurredAt } = event
  for (const text of [idempotencyKey, id, type, channel, occurredAt]) {
    if (typeof text !== 'string') throw notText(text)
  }
  for (const text of [leadId, messageId]) {
    if (text !== null && typeof text !== 'string') throw notText(text)
  }
  return {
    idempotencyKey: toColumn(idempotencyKey),
    eventId: id,
    eventType: type,
    channel,
    leadId: leadId && toColumn(leadId),
    messageId: messageId && toColumn(messageId),
    occurredAt,
    json: eventToJson(event),
  }
}

function notText(got: unknown): CommsError {
  return new CommsError('event_invalid', `Expected the id, key, type, channel and time of an event as text, got ${typeof got}`)
}

/** The event's JSON text with its place written into it, without parsing it again. `stream`: as a column, which JSON escapes alike. */
export function withPlace(json: string, stream: string, version: number, recordedAt: string): string {
  return `${json.slice(0, -1)},"streamId":"${stream}","version":${version},"recordedAt":"${recordedAt}"}`
}
