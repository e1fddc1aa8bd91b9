import { describe, expect, it } from 'vitest'
import { createComms } from '../comms.ts'
import { appendOf } from '../conformance/builders.ts'
import { collect } from '../conformance/runner.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { LeadBook } from '../leads/lead-book.ts'
import { leadTies } from '../leads/lead-ties.ts'
import { PigeonPost } from '../outbox/testing/pigeon-post.ts'
import { type Logger, silentLogger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { readByOlderRelease } from '../store/testing/older-release.ts'
import { channelMetrics } from './channel-metrics.ts'
import { consent } from './consent.ts'
import { conversations } from './conversation.ts'
import { conversationsByContact } from './conversation-list.ts'
import { deliveryStatus } from './delivery-status.ts'
import { liveProjection } from './live-projection.ts'
import { type Projection, project } from './projection.ts'

const STREAM = 'whatsapp:+33639980001'

async function logOf(names: readonly string[], logId = 'first'): Promise<EventStore> {
  const log = memoryEventStore({ logId })
  await log.append([appendOf(STREAM, [...names])])
  return log
}

function warnings(): { logger: Logger; said: string[] } {
  const said: string[] = []
  return { logger: { ...silentLogger, warn: (message) => said.push(message) }, said }
}

/** A store whose log can be replaced, as by a restore or a copy. */
function replaceable(log: EventStore) {
  const use = { log }
  const store: EventStore = {
    append: (requests) => use.log.append(requests),
    find: (key) => use.log.find(key),
    readStream: (streamId, options) => use.log.readStream(streamId, options),
    readAll: (options) => use.log.readAll(options),
    close: () => use.log.close(),
  }
  return { store, use }
}

const isOdd = ({ version }: RecordedEvent) => version % 2 === 1

describe('readers of a log with events of a newer release', () => {
  it.each<[Projection<unknown>]>(
    ([deliveryStatus, conversations, conversationsByContact, consent, leadTies] as Projection<unknown>[]).map((projection) => [projection]),
  )('project as if these were not there: $name', async (projection) => {
    const log = await logOf(['a', 'b', 'c', 'd', 'e'])
    const readable = (await collect(log.readAll())).filter((event) => !isOdd(event))
    const { state } = await project(readByOlderRelease(log, isOdd).readAll(), projection)
    expect(state).toEqual(readable.reduce(projection.fold, projection.initial()))
  })

  it('count what they can read', async () => {
    const { state } = await project(readByOlderRelease(await logOf(['a', 'b', 'c', 'd']), isOdd).readAll(), channelMetrics)
    expect(Object.values(state.counts)).toMatchObject([{ received: 2 }])
  })

  it('say it once: a live projection and the ties to leads', async () => {
    const log = await logOf(['a', 'b', 'c'])
    const older = readByOlderRelease(log, isOdd)
    const { logger, said } = warnings()
    const list = liveProjection(older, conversationsByContact, logger)
    const book = new LeadBook(older, logger)
    const events: string[] = []
    book.onEvent(({ idempotencyKey }) => events.push(idempotencyKey))
    for (let round = 0; round < 2; round += 1) {
      await list()
      await book.refresh()
      await log.append([appendOf(STREAM, ['d', 'e'])])
    }
    expect(said).toHaveLength(2)
    expect(said).toEqual([
      expect.stringMatching(/^Projection conversations-by-contact: .*upgrade$/),
      expect.stringMatching(/^Leads: .*upgrade$/),
    ])
    expect(events).toEqual(['b', 'd'])
  })

  it('show conversations, timelines and messages past them', async () => {
    const log = memoryEventStore()
    await log.append([appendOf(STREAM, ['a', 'b', 'c'])])
    const post = new PigeonPost()
    const comms = createComms({
      store: readByOlderRelease(log, (event) => event.streamId === STREAM && isOdd(event)),
      transports: [post.transport],
    })
    comms.start()
    const { messageId } = await comms.send({ channel: 'pigeon', to: '+33639980001', content: { text: 'coo' } }, { waitFor: 'sent' })
    expect(await comms.message(messageId)).toMatchObject({ status: 'sent' })
    expect(await comms.conversations()).toHaveLength(2)
    expect((await comms.conversation(STREAM)).messages).toHaveLength(1)
    const shown = await collect(comms.timeline({ kind: 'phone', value: '+33639980001', raw: '+33639980001' }))
    expect(shown.filter(({ streamId }) => streamId === STREAM).map(({ type }) => type)).toEqual([
      'event.unreadable',
      'message.received',
      'event.unreadable',
    ])
    await comms.close()
  })
})

describe('readers whose log is replaced by another one', () => {
  it('say it once and read the new one from its beginning', async () => {
    const { store, use } = replaceable(await logOf(['a', 'b'], 'first'))
    const { logger, said } = warnings()
    const metrics = liveProjection(store, channelMetrics, logger)
    const book = new LeadBook(store, logger)
    await metrics()
    await book.refresh()
    use.log = memoryEventStore({ logId: 'second' })
    await use.log.append([appendOf('whatsapp:+33639980002', ['c'])])
    for (let round = 0; round < 2; round += 1) {
      expect(Object.values((await metrics()).counts)).toMatchObject([{ received: 1 }])
      await book.refresh()
      expect(Object.values(book.state.contacts)).toMatchObject([{ streams: { 'whatsapp:+33639980002': true } }])
      expect(Object.keys(Object.values(book.state.contacts)[0]?.streams ?? {})).toHaveLength(1)
    }
    expect(said).toEqual([
      'Projection channel-metrics: the log is another one than before; reads it from the beginning',
      'Leads: the log is another one than before; reads it from the beginning',
    ])
  })

  it('never fold one log onto the state of another: project refuses', async () => {
    const from = await project((await logOf(['a'], 'first')).readAll(), deliveryStatus)
    await expect(project((await logOf(['b'], 'second')).readAll(), deliveryStatus, { from })).rejects.toMatchObject({
      code: 'position_invalid',
      message: 'project: the state of delivery-status is of log first, and the events are of log second',
    })
  })
})
