import { describe, expect, it } from 'vitest'
import type { RecordedEvent } from '../events/recorded-event.ts'
import type { AppendRequest, EventStore } from '../store/event-store.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { eventStoreConformance } from './event-store.ts'
import { failuresOf } from './planted-fault.ts'

eventStoreConformance('memory', () => ({ store: memoryEventStore(), reopen: async () => memoryEventStore() }), {
  runner: { describe, it },
  knownGaps: {
    'keeps everything across close and reopen': 'in memory by design',
    'keeps what was acknowledged when the process crashes': 'in memory by design',
    'gives an event that it cannot read as event.unreadable, and reads on': 'in memory by design: no other release writes it',
  },
})

const REOPEN = 'keeps everything across close and reopen'

/** The memory store, which also stays across a reopen, with one act bent. */
function bent(bend: (good: EventStore) => Partial<EventStore>) {
  return failuresOf((runner) =>
    eventStoreConformance(
      'bent',
      () => {
        const log = memoryEventStore()
        const open = (): EventStore => {
          let closed = false
          const good: EventStore = {
            append: (requests) => (closed ? memoryClosed.append(requests) : log.append(requests)),
            find: (key) => (closed ? memoryClosed.find(key) : log.find(key)),
            readStream: (...given) => (closed ? memoryClosed : log).readStream(...given),
            readAll: (...given) => (closed ? memoryClosed : log).readAll(...given),
            close: async () => {
              closed = true
            },
          }
          return { ...good, ...bend(good) }
        }
        const store = open()
        return { store, reopen: async () => open() }
      },
      { runner },
    ),
  )
}

const memoryClosed = memoryEventStore()
await memoryClosed.close()

async function* where(events: AsyncIterable<RecordedEvent>, keep: (event: RecordedEvent, index: number) => boolean) {
  let index = 0
  for await (const event of events) if (keep(event, index++)) yield event
}

const rekeyed = (requests: readonly AppendRequest[]): AppendRequest[] =>
  requests.map((request) => ({
    ...request,
    events: request.events.map((event) => ({ ...event, idempotencyKey: `${event.idempotencyKey}#${Math.random()}` })),
  }))

describe('the store kit finds planted faults', () => {
  it('finds none in a store that keeps every promise', async () => {
    expect(await bent(() => ({}))).toEqual([])
  })

  it('finds a store that ignores expectedVersion', async () => {
    const failures = await bent((good) => ({
      append: (requests) => good.append(requests.map(({ streamId, events }) => ({ streamId, events }))),
    }))
    expect(failures).toContain('answers a conflict when the stream is not at expectedVersion')
    expect(failures).toContain('lets exactly one of many concurrent appends at one expectedVersion through')
  })

  it('finds a store that forgets keys', async () => {
    const failures = await bent((good) => ({ append: (requests) => good.append(rekeyed(requests)) }))
    expect(failures).toContain('records a key once for ever and answers with the first recording')
    expect(failures).toContain('lets exactly one of many concurrent claims of one key through')
  })

  it('finds a store that forgets keys across streams', async () => {
    const failures = await bent((good) => ({
      append: (requests) =>
        good.append(
          requests.map((request) => ({
            ...request,
            events: request.events.map((event) => ({ ...event, idempotencyKey: `${request.streamId}${event.idempotencyKey}` })),
          })),
        ),
    }))
    expect(failures).toContain('knows a key from any stream')
  })

  it('finds a store that reorders', async () => {
    const failures = await bent((good) => ({
      readAll: async function* (options) {
        const all: RecordedEvent[] = []
        for await (const event of good.readAll(options)) all.push(event)
        yield* all.reverse()
      },
    }))
    expect(failures).toContain('reads the whole log in the order of recording')
  })

  it('finds a store that skips', async () => {
    const failures = await bent((good) => ({ readAll: (options) => where(good.readAll(options), (_, index) => index !== 7) }))
    expect(failures).toContain('never skips for a reader that goes on while others write')
  })

  it('finds a store that gives the event at `after` once more', async () => {
    const failures = await bent((good) => ({
      readAll: async function* (options = {}) {
        for await (const event of good.readAll(options.signal ? { signal: options.signal } : {})) {
          if (options.after === undefined || event.position >= options.after) yield event
        }
      },
    }))
    expect(failures).toContain('reads on behind any position')
  })

  it('finds a store that loses after a reopen', async () => {
    const failures = await failuresOf((runner) =>
      eventStoreConformance('forgetful', () => ({ store: memoryEventStore(), reopen: async () => memoryEventStore() }), { runner }),
    )
    expect(failures).toEqual([REOPEN])
  })

  it('finds a store that lets one conflict spoil the whole call', async () => {
    const failures = await bent((good) => ({
      append: async (requests) => {
        const results = await good.append(requests)
        return results.some(({ status }) => status === 'conflict') ? results.map(() => ({ status: 'conflict', actualVersion: 0 })) : results
      },
    }))
    expect(failures).toContain('lets a conflict touch no other request of the call')
  })

  it('finds a store that records part of a conflicting request', async () => {
    const failures = await bent((good) => ({
      append: async (requests) => {
        const results = await good.append(requests)
        for (const [index, result] of results.entries()) {
          const { streamId, events } = requests[index] as AppendRequest
          if (result.status === 'conflict') await good.append([{ streamId, events: events.slice(0, 1) }])
        }
        return results
      },
    }))
    expect(failures).toContain('lets a conflict touch no other request of the call')
  })

  it('finds a store that cannot hold every character', async () => {
    const failures = await bent((good) => ({
      append: (requests) => good.append(JSON.parse(JSON.stringify(requests).replaceAll('\\u0000', ''))),
    }))
    expect(failures).toContain('keeps any text exactly')
  })

  it('finds a store that answers after close', async () => {
    const failures = await bent(() => ({ close: async () => {} }))
    expect(failures).toEqual(['refuses every call after close, and closes twice without harm'])
  })
})

describe('known gaps', () => {
  it('must name real tests', () => {
    const runner = { describe: (_: string, define: () => void) => define(), it: () => {} }
    const register = () =>
      eventStoreConformance('x', () => Promise.reject(new Error('unused')), { runner, knownGaps: { 'no such promise': '…' } })
    expect(register).toThrow('no such test in the kit: "no such promise"')
  })

  it('must still fail', async () => {
    const failures = await failuresOf((runner) =>
      eventStoreConformance('memory', () => ({ store: memoryEventStore(), reopen: async () => memoryEventStore() }), {
        runner,
        knownGaps: { [REOPEN]: 'in memory by design', 'keeps any text exactly': 'not true' },
      }),
    )
    expect(failures).toEqual(['known gap: keeps any text exactly (not true)'])
  })
})
