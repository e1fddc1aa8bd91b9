import { beforeEach, expect, it } from 'vitest'
import { parseContactAddress } from '../events/contact-address.ts'
import { createEvent, streamIdOf } from '../events/recorded-event.ts'
import { systemClock, uuidSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { ConsentReader } from './contact-consent.ts'
import { LogGrowth } from './log-growth.ts'
import { recordRequest } from './send.ts'
import { PigeonPost } from './testing/pigeon-post.ts'

const TO = '+33639980001'
const runtime = { clock: systemClock, ids: uuidSource }

/** The log that several processes share. */
let shared: EventStore
let reads: number
/** Sends as one process does, which hears of what it records itself. */
let send: () => ReturnType<typeof recordRequest>

beforeEach(() => {
  shared = memoryEventStore()
  reads = 0
  const growth = new LogGrowth()
  const store = growth.watch({
    append: (requests) => shared.append(requests),
    find: (key) => shared.find(key),
    readStream: (streamId, options) => {
      reads += 1
      return shared.readStream(streamId, options)
    },
    readAll: (options) => shared.readAll(options),
    close: () => shared.close(),
  })
  const consents = new ConsentReader(store)
  growth.onGrown((recorded) => {
    for (const event of recorded) consents.heard(event)
  })
  const context = { store, transports: [new PigeonPost().transport], consents, ...runtime }
  send = () => recordRequest({ channel: 'pigeon', to: TO, content: { text: 'coo' } }, context)
})

/** What another process records. */
async function elsewhere(type: 'contact.opted_out' | 'contact.opted_in', occurredAt: string): Promise<void> {
  const fact = { channel: 'pigeon', provider: 'pigeon', contact: parseContactAddress(TO), data: { reason: 'asked' } } as const
  const event = createEvent({ type, idempotencyKey: type, ...fact, occurredAt }, runtime)
  await shared.append([{ streamId: streamIdOf(event), events: [event] }])
}

it('reads the stream of a contact once, however many messages go to it', async () => {
  for (let index = 0; index < 10; index += 1) await send()
  expect(reads).toBe(1)
})

it('refuses a contact that another process has heard opt out since', async () => {
  await send()
  await elsewhere('contact.opted_out', '2026-01-06T10:00:00.000Z')
  await expect(send()).rejects.toMatchObject({ code: 'send_rejected', failure: 'policy' })
})

it('sends to a contact that another process has heard opt in again since', async () => {
  await send()
  await elsewhere('contact.opted_out', '2026-01-06T10:00:00.000Z')
  await expect(send()).rejects.toMatchObject({ code: 'send_rejected' })
  await elsewhere('contact.opted_in', '2026-01-06T10:00:01.000Z')
  expect(await send()).toMatchObject({ repeated: false })
})
