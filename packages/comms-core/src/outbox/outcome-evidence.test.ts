import { expect, it } from 'vitest'
import type { EventFact, MessageEventOf } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { evidenceOf } from './outcome-evidence.ts'
import { OutboxWorld } from './testing/outbox-world.ts'
import { PigeonPost } from './testing/pigeon-post.ts'

it.each([10, 1_500, 6_000])('an equal message of unknown outcome is seen behind %i other events of the same hour', async (events) => {
  const world = new OutboxWorld([new PigeonPost().transport])
  const first = await world.request()
  const [{ contact }] = (await world.log()) as [RecordedEvent]
  const { time, runtime } = world
  const attempted = {
    type: 'message.attempted',
    idempotencyKey: 'attempt',
    channel: 'pigeon',
    provider: 'pigeon',
    direction: 'outbound',
    contact,
    messageId: first.messageId,
    occurredAt: new Date(time.clock.now()).toISOString(),
    occurredAtSource: 'local',
    data: { attempt: 1, by: 'one', deadline: new Date(time.clock.now()).toISOString() },
  }
  await world.record(attempted as EventFact)
  for (let index = 0; index < events; index += 1) await world.callback('message.delivered', `foreign-${index}`, '+33639980001')
  const { messageId } = await world.request()
  const request = (await world.log()).find((event) => event.messageId === messageId) as MessageEventOf<'message.requested'> & RecordedEvent
  const startedAt = runtime.clock.now()
  expect((await evidenceOf(world.store, request, { number: 1, by: 'one', startedAt, heardAt: 0, deadline: 0 })).mistakable).toBe(true)
})
