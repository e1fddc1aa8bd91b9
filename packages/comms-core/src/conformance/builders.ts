import type { MessageEventOf, NewEvent } from '../events/message-event.ts'
import { createEvent } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import type { AppendRequest } from '../store/event-store.ts'

/** A received message with a key of its own; `text` is what it says. */
export function aMessage(key: string, text = `text of ${key}`): MessageEventOf<'message.received'> {
  const event = createEvent(
    {
      type: 'message.received',
      idempotencyKey: key,
      channel: 'whatsapp',
      provider: 'conformance',
      account: 'kit',
      direction: 'inbound',
      contact: { kind: 'phone', value: '+33639980001', raw: '33639980001@c.us' },
      messageId: `conformance:${key}`,
      providerMessageId: key,
      occurredAt: '2026-01-06T10:00:00.000Z',
      data: { text },
    },
    { clock: systemClock, ids: uuidSource },
  )
  return event as MessageEventOf<'message.received'>
}

/** One request of messages named by their keys. */
export function appendOf(streamId: string, keys: readonly string[], expectedVersion?: number): AppendRequest {
  const events: NewEvent[] = keys.map((key) => aMessage(key))
  return expectedVersion === undefined ? { streamId, events } : { streamId, events, expectedVersion }
}

/** `prefix-1` to `prefix-count`. */
export function keys(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`)
}
