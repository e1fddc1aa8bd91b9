import { expect, it } from 'vitest'
import { CommsError } from '../errors.ts'
import { parseContactAddress } from '../events/contact-address.ts'
import type { EventFact } from '../events/message-event.ts'
import { timerSleep } from '../pause.ts'
import { silentLogger, systemClock, uuidSource } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { OutboxLog } from './outbox-log.ts'

const fact = (key: string): EventFact => ({
  type: 'message.delivered',
  idempotencyKey: key,
  channel: 'pigeon',
  provider: 'pigeon',
  contact: parseContactAddress('+33639980001'),
  messageId: 'm-1',
  data: {},
})

function open(before: (keys: readonly string[]) => void, after = () => {}) {
  const store = memoryEventStore()
  const appends: string[][] = []
  const watched: EventStore = {
    append: async (requests) => {
      const keys = requests.flatMap(({ events }) => events.map(({ idempotencyKey }) => idempotencyKey))
      appends.push(keys)
      before(keys)
      const results = await store.append(requests)
      after()
      return results
    },
    find: (key) => store.find(key),
    readStream: (streamId) => store.readStream(streamId),
    readAll: (options) => store.readAll(options),
    close: () => store.close(),
  }
  const { signal } = new AbortController()
  const log = new OutboxLog(
    { store: watched, transports: [], clock: systemClock, ids: uuidSource, logger: silentLogger, sleep: timerSleep, random: () => 0 },
    { onRecorded: () => {}, stopping: signal, aborting: signal },
  )
  return { log, appends }
}

it('records what comes together in one append, each caller hearing of its own', async () => {
  const { log, appends } = open(() => {})
  const recorded = await Promise.all([
    log.record([fact('a')]),
    log.record([fact('b'), fact('c')]),
    log.claim(fact('d')),
    log.claim(fact('a')),
  ])
  expect(appends).toEqual([['a', 'b', 'c', 'd', 'a']])
  expect(recorded.slice(0, 2)).toMatchObject([[{ event: { idempotencyKey: 'a' } }], [{ event: { idempotencyKey: 'b' } }, {}]])
  expect(recorded.slice(2)).toEqual([true, false])
})

it('refuses only the one to blame, and records the others', async () => {
  const { log } = open((keys) => {
    if (keys.includes('poison')) throw new CommsError('event_invalid', 'poison')
  })
  const recorded = await Promise.allSettled([log.record([fact('a')]), log.record([fact('poison')]), log.record([fact('b')])])
  expect(recorded.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

it('recognises as its own a claim whose answer was lost', async () => {
  let lost = 0
  const { log, appends } = open(
    () => {},
    () => {
      lost += 1
      if (lost === 1) throw new CommsError('store_unavailable', 'away')
    },
  )
  expect(await log.claim(fact('a'))).toBe(true)
  expect(appends).toEqual([['a'], ['a']])
})
