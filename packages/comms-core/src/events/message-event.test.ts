import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { isCommsError } from '../errors.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import { type EventFact, messageEventJsonSchema, messageEventSchema } from './message-event.ts'
import { createEvent, streamIdOf } from './recorded-event.ts'

const runtime = { clock: systemClock, ids: uuidSource }
const contact = { kind: 'phone' as const, value: '+33639980001', raw: '33639980001@c.us' }
const fact: EventFact = {
  type: 'message.received',
  idempotencyKey: 'greenapi:7105000001:received:33639980001@c.us:A1',
  channel: 'whatsapp',
  provider: 'greenapi',
  account: '7105000001',
  direction: 'inbound',
  contact,
  messageId: 'greenapi:A1',
  providerMessageId: 'A1',
  data: { text: 'Bonjour' },
}

describe('createEvent', () => {
  it('refuses event.unreadable, which only a store returns', () => {
    const unreadable = { ...fact, type: 'event.unreadable', data: { reason: 'newer' } } as unknown as EventFact
    expect(() => createEvent(unreadable, runtime)).toThrow('event.unreadable is what a store returns, never recorded')
  })

  it('gives id, schema version and time of receipt', () => {
    const event = createEvent(fact, { ids: uuidSource, clock: { now: () => Date.UTC(2026, 0, 6) } })
    expect(event).toMatchObject({ schemaVersion: 1, occurredAt: '2026-01-06T00:00:00.000Z', occurredAtSource: 'receipt' })
    expect(event.id).toMatch(/^evt_[0-9a-f]{8}-[0-9a-f]{4}-7/)
  })

  it("keeps the provider's time", () => {
    const event = createEvent({ ...fact, occurredAt: '2026-01-06T10:00:00.000Z' }, runtime)
    expect(event).toMatchObject({ occurredAt: '2026-01-06T10:00:00.000Z', occurredAtSource: 'provider' })
  })

  it.each([
    [{ type: 'message.recieved' }, 'type'],
    [{ contact: undefined }, 'contact'],
    [{ data: { txt: 'typo' } }, 'txt'],
    [{ idempotencyKey: '' }, 'idempotencyKey'],
    [{ occurredAt: 'yesterday' }, 'occurredAt'],
    [{ direction: 'outbound' }, 'direction'],
  ])('refuses %j, naming the field', (wrong, field) => {
    const run = () => createEvent({ ...fact, ...wrong } as EventFact, runtime)
    expect(run).toThrow(field)
    try {
      run()
    } catch (error) {
      expect(isCommsError(error, 'event_invalid')).toBe(true)
    }
  })
})

describe('streamIdOf', () => {
  it('names the contact on its channel, or the account of the transport', () => {
    expect(streamIdOf(fact as never)).toBe('whatsapp:+33639980001')
    expect(streamIdOf({ channel: 'whatsapp', provider: 'greenapi', account: '7105000001', contact: undefined })).toBe(
      'transport:greenapi:7105000001',
    )
  })
})

describe('the published schema', () => {
  it('has every event of the taxonomy', () => {
    expect(messageEventSchema.options.map((option) => option.shape.type.value)).toEqual([
      'message.received',
      'message.requested',
      'message.attempted',
      'message.sent',
      'message.in_transit',
      'message.delivered',
      'message.read',
      'message.failed',
      'message.deferred',
      'message.uncertain',
      'message.edited',
      'message.deleted',
      'message.reacted',
      'contact.opted_out',
      'contact.opted_in',
      'contact.linked',
      'contact.unlinked',
      'contact.observed',
      'lead.correlated',
      'lead.uncorrelated',
      'call.observed',
      'transport.state_changed',
      'transport.observed',
      'transport.quota_reached',
      'report.filed',
      'webhook.quarantined',
      'event.unreadable',
    ])
  })

  it('is the one in message-event.schema.json (UPDATE_SCHEMA=1 writes it anew)', async () => {
    const file = new URL('../../message-event.schema.json', import.meta.url)
    const schema = `${JSON.stringify(messageEventJsonSchema(), null, 2)}\n`
    if (process.env.UPDATE_SCHEMA) await writeFile(file, schema)
    expect(await readFile(file, 'utf8')).toBe(schema)
  })
})
