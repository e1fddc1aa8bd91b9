import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importLog, memoryEventStore, type RecordedEvent } from '@pipe-comms/core'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { legacyLog } from './index.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-legacy-'))
})
afterEach(() => rm(dir, { recursive: true }))

const records = [
  {
    channel: 'whatsapp',
    provider: 'green-api',
    direction: 'inbound',
    from: '33639980001@c.us',
    text: 'Bonjour',
    idMessage: 'A1',
    timestamp: 1_767_697_200,
    leadId: '42',
  },
  {
    channel: 'SMS',
    type: 'outgoing',
    to: '06 39 98 00 02',
    message: { text: 'Merci' },
    messageSid: 'SM1',
    createdAt: '2026-01-05T09:00:00Z',
  },
  { channel: 'email', direction: 'received', from: 'A@Example.com', body: 'Hello', timestamp: 1_767_697_300_000 },
  { channel: 'whatsapp', direction: 'inbound', from: 'nobody at all here', text: 'x' },
  { what: 'is this' },
  null,
]

async function imported() {
  const store = memoryEventStore()
  const report = await importLog(legacyLog({ dir, defaultRegion: 'FR' }), store)
  const events: RecordedEvent[] = []
  for await (const event of store.readAll()) events.push(event)
  return { store, report, events }
}

it('reads messages in the usual fields, and keeps every other record raw', async () => {
  await writeFile(join(dir, 'message_events_2026-01-05.json'), JSON.stringify(records))
  await writeFile(join(dir, 'other.json'), '{')
  const { report, events } = await imported()
  expect(report).toMatchObject({ read: 6, recorded: 6, equal: true })
  expect(events).toMatchObject([
    {
      type: 'message.received',
      streamId: 'whatsapp:+33639980001',
      provider: 'greenapi',
      occurredAt: '2026-01-06T11:00:00.000Z',
      data: { text: 'Bonjour' },
    },
    {
      type: 'message.sent',
      streamId: 'sms:+33639980002',
      provider: 'twilio',
      occurredAt: '2026-01-05T09:00:00.000Z',
      data: { content: { text: 'Merci' } },
    },
    { type: 'message.received', streamId: 'email:a@example.com', occurredAt: '2026-01-06T11:01:40.000Z' },
    { type: 'webhook.quarantined', data: { body: JSON.stringify(records[3]), reason: expect.stringContaining('"nobody at all here"') } },
    { type: 'webhook.quarantined', data: { body: '{"what":"is this"}' } },
    { type: 'webhook.quarantined', data: { body: 'null' } },
  ])
  expect(events[0]?.source).toEqual({ via: 'import', raw: records[0] })
})

it('reads files in order, a record that stands twice once, and gives the same lines again', async () => {
  await writeFile(join(dir, 'message_events_2026-01-06.json'), JSON.stringify([records[0], records[2]]))
  await writeFile(join(dir, 'message_events_2026-01-05.json'), JSON.stringify([records[0]]))
  const { store, events } = await imported()
  expect(events.map(({ channel }) => channel)).toEqual(['whatsapp', 'email'])
  expect(await importLog(legacyLog({ dir, defaultRegion: 'FR' }), store)).toMatchObject({ recorded: 0, repeated: 2, equal: true })
})

it('names a file that is no array', async () => {
  await writeFile(join(dir, 'message_events_2026-01-05.json'), '{"not":"an array"}')
  await expect(imported()).rejects.toMatchObject({
    code: 'store_corrupt',
    message: expect.stringContaining('message_events_2026-01-05.json: expected a JSON array'),
  })
})
