import { createEvent, type NewEvent, systemClock, uuidSource } from '@pipe-comms/core'

/** About one kilobyte as JSON, like a WhatsApp text with its raw notification. */
export function anEvent(index: number): NewEvent {
  const digits = String(index).padStart(9, '0')
  return createEvent(
    {
      type: 'message.received',
      idempotencyKey: `bench:7105000001:received:33639980001@c.us:${digits}`,
      channel: 'whatsapp',
      provider: 'bench',
      account: '7105000001',
      direction: 'inbound',
      contact: { kind: 'phone', value: `+336399800${String(index % 100).padStart(2, '0')}`, raw: '33639980001@c.us' },
      messageId: `bench:${digits}`,
      providerMessageId: digits,
      occurredAt: '2026-01-06T10:00:00.000Z',
      source: { via: 'webhook', raw: { typeWebhook: 'incomingMessageReceived', padding: 'x'.repeat(380) } },
      data: { text: 'Bonjour, je souhaite un rendez-vous mardi.', contactName: 'Camille' },
    },
    { clock: systemClock, ids: uuidSource },
  )
}

export function events(count: number, from = 0): NewEvent[] {
  return Array.from({ length: count }, (_, index) => anEvent(from + index))
}

const STREAMS = Array.from({ length: 1000 }, (_, contact) => `whatsapp:+33639980${String(contact).padStart(3, '0')}`)

export function streamOf(index: number): string {
  return STREAMS[index % STREAMS.length] as string
}

export function batches(sample: readonly NewEvent[], size: number): (readonly NewEvent[])[] {
  return Array.from({ length: Math.ceil(sample.length / size) }, (_, index) => sample.slice(index * size, (index + 1) * size))
}
