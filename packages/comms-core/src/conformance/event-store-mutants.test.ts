import { describe, expect, it } from 'vitest'
import type { NewEvent } from '../events/message-event.ts'
import type { RecordedEvent } from '../events/recorded-event.ts'
import type { StoredEvent } from '../events/upcaster.ts'
import { readStoredEvent } from '../events/upcaster.ts'
import type { AppendRequest, EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { eventStoreConformance } from './event-store.ts'
import { failuresOf, runKit } from './planted-fault.ts'
import type { Runner } from './runner.ts'

type Append = EventStore['append']
type Change = (event: RecordedEvent) => RecordedEvent

interface Bend {
  readonly append?: (good: Append, log: EventStore) => Append
  readonly find?: (good: EventStore) => EventStore['find']
  /** What every read gives of an event. */
  readonly read?: Change
  /** The log in the order in which it is read after it was opened again. */
  readonly reopened?: (events: RecordedEvent[]) => RecordedEvent[]
  /** What a crash leaves of the log. */
  readonly crashed?: 'nothing' | 'all but the newest'
  /** Reads what is stored as it is. */
  readonly noUpcast?: boolean
}

/** A store with a life: closed, opened again, crashed, written to by another release. Each mutant bends one part of it. */
function bent({ append, find, read = (event) => event, reopened, crashed, noUpcast }: Bend) {
  return (runner: Runner) =>
    eventStoreConformance(
      'bent',
      () => {
        const log = memoryEventStore()
        const rewritten = new Map<string, StoredEvent>()
        const open = (base: EventStore, order?: (events: RecordedEvent[]) => RecordedEvent[]): EventStore => {
          let state: 'open' | 'closed' = 'open'
          const now = () => (state === 'open' ? base : shut)
          const change = (event: RecordedEvent): RecordedEvent => {
            const other = rewritten.get(event.idempotencyKey)
            if (!other) return read(event)
            const stored = { ...other, position: event.position }
            return noUpcast ? (stored as unknown as RecordedEvent) : readStoredEvent<RecordedEvent>(stored)
          }
          async function* all(events: AsyncIterable<RecordedEvent>) {
            for await (const event of events) yield change(event)
          }
          async function* ordered(events: AsyncIterable<RecordedEvent>) {
            const list: RecordedEvent[] = []
            for await (const event of events) list.push(change(event))
            yield* order?.(list) ?? list
          }
          const good: Append = async (requests) => now().append(requests)
          return {
            append: append?.(good, base) ?? good,
            find: async (key) => {
              const found = await (find?.(now()) ?? now().find.bind(now()))(key)
              return found && change(found)
            },
            readStream: (...given) => all(now().readStream(...given)),
            readAll: (options) => (order ? ordered(now().readAll(options)) : all(now().readAll(options))),
            close: async () => {
              state = 'closed'
            },
          }
        }
        return {
          store: open(log),
          reopen: async () => open(log, reopened),
          crash: async () => {
            if (crashed === 'nothing') return memoryEventStore()
            return open(log, crashed ? (events) => events.slice(0, -1) : undefined)
          },
          rewrite: async (stored) => {
            rewritten.set(stored.idempotencyKey as string, stored)
          },
        }
      },
      { runner },
    )
}

const shut = memoryEventStore()
await shut.close()

const CRASH = 'keeps what was acknowledged when the process crashes'
const HALF = 'leaves nothing of a request with an event that cannot be stored'

/** Records the events of a request one by one. */
const oneByOne =
  (good: Append): Append =>
  async (requests) => {
    const [only] = requests
    if (requests.length !== 1 || !only || only.events.length < 2 || only.expectedVersion !== undefined) return good(requests)
    const events = []
    let version = 0
    for (const event of only.events) {
      const [result] = await good([{ ...only, events: [event] }])
      if (result?.status !== 'recorded') return result ? [result] : []
      events.push(...result.events)
      version = result.version
    }
    return [{ status: 'recorded', events, version }]
  }

/** Records what comes before the event that cannot be stored, then throws. */
const upToPoison =
  (good: Append): Append =>
  async (requests) => {
    try {
      return await good(requests)
    } catch (error) {
      for (const { streamId, events } of requests) await good([{ streamId, events: events.slice(0, 1) }]).catch(() => undefined)
      throw error
    }
  }

/** Remembers the last 20 keys. */
const fewKeys = (good: Append): Append => {
  const recent: string[] = []
  const names = new Map<string, string>()
  let turn = 0
  const named = (event: NewEvent): NewEvent => {
    const { idempotencyKey: key } = event
    const known = recent.includes(key)
    if (!known) {
      if (names.has(key)) names.set(key, `${key}#${turn++}`)
      else names.set(key, key)
      recent.push(key)
      if (recent.length > 20) recent.shift()
    }
    return { ...event, idempotencyKey: names.get(key) as string }
  }
  return (requests) => good(requests.map((request): AppendRequest => ({ ...request, events: request.events.map(named) })))
}

const phantoms = new Map<string, RecordedEvent>()
const text = (change: (text: string) => string): Change => {
  return (event) => (event.type === 'message.received' ? { ...event, data: { ...event.data, text: change(event.data.text ?? '') } } : event)
}

const mutants: readonly (readonly [name: string, bend: Bend, foundBy: string])[] = [
  ['flush-on-close', { crashed: 'nothing' }, CRASH],
  ['flush-later', { crashed: 'all but the newest' }, CRASH],
  ['dedupe-lru', { append: fewKeys }, 'knows a key after thousands of other events'],
  [
    'find-phantom',
    {
      append: (good) => async (requests) => {
        const results = await good(requests)
        for (const [index, { status }] of results.entries()) {
          if (status !== 'conflict') continue
          for (const event of requests[index]?.events ?? []) phantoms.set(event.idempotencyKey, event as RecordedEvent)
        }
        return results
      },
      find: (good) => async (key) => (await good.find(key)) ?? phantoms.get(key),
    },
    'finds nothing of a request that was refused',
  ],
  ['partial-batch', { append: oneByOne }, HALF],
  ['poison-leaves-half', { append: upToPoison }, HALF],
  [
    'order-after-reopen',
    { reopened: (events) => events.sort((a, b) => (a.streamId < b.streamId ? -1 : a.streamId > b.streamId ? 1 : a.version - b.version)) },
    'keeps everything across close and reopen',
  ],
  ['text-nfc', { read: text((given) => given.normalize('NFC')) }, 'keeps any text exactly'],
  ['text-nfd', { read: text((given) => given.normalize('NFD')) }, 'keeps any text exactly'],
  ['text-well-formed', { read: text((given) => given.replace(/\p{Cs}/gu, '\ufffd')) }, 'keeps any text exactly'],
  ['recordedAt-event', { read: (event) => ({ ...event, recordedAt: event.occurredAt }) }, 'records when it was recorded by its own clock'],
  ['no-upcast', { noUpcast: true }, 'gives an event that it cannot read as event.unreadable, and reads on'],
]

describe('the store kit finds planted faults in the life of a store', () => {
  it('finds none in a store that keeps every promise, and skips nothing', async () => {
    expect(await runKit(bent({}))).toMatchObject({ failed: [], skipped: [] })
  })

  for (const [name, bend, foundBy] of mutants) {
    it(`mutant ${name} is caught by "${foundBy}"`, async () => {
      expect(await failuresOf(bent(bend))).toContain(foundBy)
    })
  }
})
