import { expect, it } from 'vitest'
import { aMessage } from '../conformance/builders.ts'
import type { EventFact } from '../events/message-event.ts'
import { createEvent, streamIdOf } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { channelCounts, channelMetrics } from './channel-metrics.ts'
import { project } from './projection.ts'

const quarantined: EventFact = {
  type: 'webhook.quarantined',
  idempotencyKey: 'quarantine:twilio:0',
  channel: 'sms',
  provider: 'twilio',
  account: 'AC0',
  data: {
    transport: 'twilio',
    reason: 'unknown',
    method: 'POST',
    path: '/webhooks/twilio-sms/incoming',
    body: '',
    bodyEncoding: 'utf8',
    bodySha256: '0',
  },
}

async function log() {
  const store = memoryEventStore()
  const events = [aMessage('a'), aMessage('b'), createEvent(quarantined, { clock: systemClock, ids: uuidSource })]
  await store.append(events.map((event) => ({ streamId: streamIdOf(event), events: [event] })))
  return store
}

const none = { received: 0, sent: 0, delivered: 0, read: 0, failed: 0, uncertain: 0, quarantined: 0, correlated: 0 }

it('counts facts per channel and provider', async () => {
  const { state } = await project((await log()).readAll(), channelMetrics)
  expect(channelCounts(state)).toEqual([
    { channel: 'whatsapp', provider: 'conformance', ...none, received: 2 },
    { channel: 'sms', provider: 'twilio', ...none, quarantined: 1 },
  ])
})

it('counts nothing twice when the log is fed once more', async () => {
  const store = await log()
  const once = await project(store.readAll(), channelMetrics)
  const counts = structuredClone(once.state)
  const twice = await project(store.readAll(), channelMetrics, { from: once })
  expect(twice.state).toEqual(counts)
})
