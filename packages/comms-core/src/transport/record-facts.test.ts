import { beforeEach, expect, it } from 'vitest'
import { type Comms, createComms } from '../comms.ts'
import { collect } from '../conformance/runner.ts'
import { CommsError } from '../errors.ts'
import { parseContactAddress } from '../events/contact-address.ts'
import type { EventFact } from '../events/message-event.ts'
import type { LeadDirectory } from '../leads/lead-directory.ts'
import { silentLogger } from '../runtime.ts'
import type { EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'

let store: EventStore
let comms: Comms
let warnings: string[]

beforeEach(() => {
  store = memoryEventStore()
  warnings = []
  comms = createComms({ store, logger: { ...silentLogger, warn: (message) => void warnings.push(message) } })
})

const factOf = (id: number | string, more: Partial<EventFact> = {}): EventFact =>
  ({
    type: 'message.received',
    idempotencyKey: `pigeon:${id}`,
    channel: 'pigeon',
    provider: 'pigeon',
    direction: 'inbound',
    contact: parseContactAddress('+33639980001'),
    messageId: `pigeon:${id}`,
    providerMessageId: String(id),
    data: { text: `text ${id}` },
    ...more,
  }) as EventFact

async function* slowly(facts: readonly EventFact[], end?: Error) {
  for (const fact of facts) {
    await Promise.resolve()
    yield fact
  }
  if (end) throw end
}

const many = Array.from({ length: 250 }, (_, index) => factOf(index))

it('comms.record records the facts of a recovery in their order, and each once', async () => {
  expect(await comms.record(slowly(many))).toEqual({ recorded: 250, repeated: 0, refused: [], refusedCount: 0 })
  expect(await comms.record(many)).toEqual({ recorded: 0, repeated: 250, refused: [], refusedCount: 0 })
  expect((await collect(store.readAll())).map(({ idempotencyKey }) => idempotencyKey)).toEqual(
    many.map(({ idempotencyKey }) => idempotencyKey),
  )
})

it('comms.record sets a fact that breaks the schema aside, and records those around it', async () => {
  const facts = [factOf(1), factOf(2, { data: { nonsense: true } as never }), factOf(3), undefined as unknown as EventFact, factOf(4)]
  const report = await comms.record(facts)
  expect(report).toMatchObject({ recorded: 3, refusedCount: 2 })
  expect(report.refused).toMatchObject([
    { index: 1, idempotencyKey: 'pigeon:2', reason: expect.stringContaining('message.received breaks the schema') },
    { index: 3, reason: expect.stringContaining('expected a fact, got nothing') },
  ])
  expect(warnings).toEqual(['Facts that can never be recorded were set aside'])
})

it('comms.record sets a fact that the store can never hold aside, and records those around it', async () => {
  const picky: EventStore = {
    append: async (requests) => {
      if (requests.some(({ events }) => events.some(({ idempotencyKey }) => idempotencyKey === 'pigeon:13'))) {
        throw new CommsError('event_invalid', 'thirteen')
      }
      return store.append(requests)
    },
    find: (key) => store.find(key),
    readStream: (...given) => store.readStream(...given),
    readAll: (...given) => store.readAll(...given),
    close: () => store.close(),
  }
  const report = await createComms({ store: picky, logger: silentLogger }).record(many)
  expect(report).toMatchObject({ recorded: 249, refused: [{ index: 13, idempotencyKey: 'pigeon:13', reason: 'thirteen' }] })
})

it('comms.record keeps the facts that came before an error, and throws it', async () => {
  await expect(comms.record(slowly(many.slice(0, 30), new CommsError('send_unavailable', 'Pigeon: fog')))).rejects.toThrow('Pigeon: fog')
  expect(await collect(store.readAll())).toHaveLength(30)
})

it('comms.record throws the outage of the store, and records the rest when it is called again', async () => {
  await store.append([])
  const away = createComms({
    store: { ...emptyStore(), append: () => Promise.reject(new CommsError('store_unavailable', 'away')) },
    logger: silentLogger,
  })
  await expect(away.record(many)).rejects.toMatchObject({ code: 'store_unavailable' })
})

it('comms.record says how the facts came in', async () => {
  await comms.record([factOf(1), factOf(2, { source: { via: 'webhook', raw: { a: 1 } } })])
  await comms.record([factOf(3), factOf(4, { source: { via: 'webhook', raw: { a: 1 } } })], { via: 'import' })
  expect((await collect(store.readAll())).map(({ source }) => source)).toEqual([
    { via: 'api' },
    { via: 'webhook', raw: { a: 1 } },
    { via: 'import' },
    { via: 'import', raw: { a: 1 } },
  ])
})

it('comms.record gives each fact its lead, as a webhook does', async () => {
  const directory: LeadDirectory = {
    id: 'crm',
    findByAddresses: async (addresses) =>
      new Map(
        addresses.map(({ value }) => [
          value,
          [
            {
              id: '7',
              name: 'Camille',
              kind: 'lead' as const,
              stage: 'open' as const,
              match: { rule: 'phone', certainty: 'certain' as const },
            },
          ],
        ]),
      ),
  }
  const own = createComms({ store, leads: { directory, budgetMs: 2000 }, logger: silentLogger })
  await own.record([factOf(1)])
  expect(await collect(store.readAll())).toMatchObject([{ lead: { id: '7', directory: 'crm' } }])
  await own.close()
})

it('comms.record ends with its signal', async () => {
  const stop = new AbortController()
  async function* facts() {
    for (const fact of many) {
      if (fact === many[150]) stop.abort(new Error('enough'))
      yield fact
    }
  }
  await expect(comms.record(facts(), { signal: stop.signal })).rejects.toThrow('enough')
  expect(await collect(store.readAll())).toHaveLength(100)
})

function emptyStore(): EventStore {
  const empty = memoryEventStore()
  return {
    append: (requests) => empty.append(requests),
    find: (key) => empty.find(key),
    readStream: (...given) => empty.readStream(...given),
    readAll: (...given) => empty.readAll(...given),
    close: () => empty.close(),
  }
}
