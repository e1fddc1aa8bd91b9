import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { collect } from '../conformance/runner.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { messageEventSchema } from './message-event.ts'
import type { RecordedEvent } from './recorded-event.ts'
import { CURRENT_SCHEMA_VERSION, createUpcaster, readStoredEvent, type StoredEvent, upcastEvent } from './upcaster.ts'

const FROZEN = new URL('./frozen/', import.meta.url)

/** One event of every type, as a log of that version holds them. Written once and never changed: logs in the world are not either. */
async function frozenSample(version: number): Promise<StoredEvent[]> {
  return JSON.parse(await readFile(new URL(`v${version}.json`, FROZEN), 'utf8'))
}

describe.each(Array.from({ length: CURRENT_SCHEMA_VERSION }, (_, index) => index + 1))(
  'an event stored under schema version %i',
  (version) => {
    it('reads as one of today, whatever its type', async () => {
      for (const stored of await frozenSample(version)) {
        expect(stored.schemaVersion).toBe(version)
        const { position, streamId, version: place, recordedAt, ...event } = upcastEvent<RecordedEvent>(stored)
        expect(messageEventSchema.parse(event)).toEqual(event)
        expect({ position, streamId, version: place, recordedAt }).toEqual({
          position: stored.position,
          streamId: stored.streamId,
          version: stored.version,
          recordedAt: stored.recordedAt,
        })
      }
    })
  },
)

describe('the frozen samples', () => {
  it('are there for every published version, and for no other', async () => {
    const expected = Array.from({ length: CURRENT_SCHEMA_VERSION }, (_, index) => `v${index + 1}.json`)
    expect((await readdir(FROZEN)).sort()).toEqual(expected.sort())
  })

  it("have every type of today's schema", async () => {
    const types = new Set((await frozenSample(CURRENT_SCHEMA_VERSION)).map(({ type }) => type))
    const recordable = messageEventSchema.options.map(({ shape }) => shape.type.value).filter((type) => type !== 'event.unreadable')
    expect([...types].sort()).toEqual(recordable.sort())
  })

  it('are of the version that today is written', () => {
    for (const { shape } of messageEventSchema.options) expect(shape.schemaVersion.value).toBe(CURRENT_SCHEMA_VERSION)
  })
})

describe('createUpcaster', () => {
  const upcast = createUpcaster(
    {
      1: ({ number, ...event }) => ({ ...event, contact: { value: number } }),
      2: ({ contact, ...event }) => ({ ...event, contact: { kind: 'phone', ...(contact as object) } }),
    },
    3,
  )

  it('takes an event through every step from its version on', () => {
    const contact = { kind: 'phone', value: '+33639980001' }
    expect(upcast({ schemaVersion: 1, number: '+33639980001' })).toEqual({ schemaVersion: 3, contact })
    expect(upcast({ schemaVersion: 2, contact: { value: '+33639980001' } })).toEqual({ schemaVersion: 3, contact })
  })

  it('gives an event of today back as it is', () => {
    const event = { schemaVersion: 3 }
    expect(upcast(event)).toBe(event)
  })

  it('leaves the stored event alone', () => {
    const stored = Object.freeze({ schemaVersion: 1, number: '+33639980001' })
    upcast(stored)
    expect(stored).toEqual({ schemaVersion: 1, number: '+33639980001' })
  })

  it.each([4, 0, -1, 1.5, '1', null, undefined])('refuses an event of version %j', (schemaVersion) => {
    expect(() => upcast({ schemaVersion })).toThrow(expect.objectContaining({ code: 'event_invalid' }))
  })

  it('says that a newer release may have written it', () => {
    const newer = { schemaVersion: CURRENT_SCHEMA_VERSION + 1 }
    expect(() => upcastEvent(newer)).toThrow(
      `Expected an event of schema version ${CURRENT_SCHEMA_VERSION} or older, got 2; a newer release`,
    )
  })
})

describe('readStoredEvent', () => {
  it('returns an event of a newer schema as event.unreadable in its place, whole, with the reason', () => {
    const stored = {
      id: 'evt_x',
      type: 'message.sung',
      schemaVersion: 9,
      idempotencyKey: 'k',
      channel: 'sms',
      streamId: 'sms:1',
      version: 4,
    }
    expect(readStoredEvent(stored)).toMatchObject({
      type: 'event.unreadable',
      idempotencyKey: 'k',
      streamId: 'sms:1',
      version: 4,
      data: { reason: expect.stringMatching(/a newer release/), stored },
    })
  })
})

describe('readStoredEvent of an event whose fields are of no known form', () => {
  it('passes on only what readers of today expect', () => {
    const stored = { id: 7, schemaVersion: 9, channel: { name: 'sms' }, account: 3, contact: 'somebody', occurredAt: 'soon', data: 1 }
    const place = { position: 'log.0001', streamId: 's:1', version: 2, recordedAt: '2026-01-06T10:00:00.000Z' }
    expect(readStoredEvent({ ...stored, ...place })).toEqual({
      id: 'evt_00000000-0000-7000-8000-000000000000',
      type: 'event.unreadable',
      schemaVersion: 1,
      idempotencyKey: 'unreadable:log.0001',
      channel: 'unknown',
      provider: 'unknown',
      occurredAt: place.recordedAt,
      occurredAtSource: 'receipt',
      ...place,
      data: { reason: expect.any(String), stored: { ...stored, ...place } },
    })
  })
})

it('is what the memory store reads through', async () => {
  const store = memoryEventStore()
  const [first] = await frozenSample(1)
  const { position, version, streamId, recordedAt, ...event } = first as unknown as RecordedEvent
  await store.append([{ streamId, events: [event as RecordedEvent] }])
  expect(await store.find(event.idempotencyKey)).toMatchObject(event)
  await expect(
    store.append([{ streamId, events: [{ ...event, idempotencyKey: 'newer', schemaVersion: 2 } as never] }]),
  ).rejects.toMatchObject({
    code: 'event_invalid',
  })
  expect(await collect(store.readAll())).toHaveLength(1)
})
