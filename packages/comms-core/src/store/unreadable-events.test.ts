import { describe, expect, it } from 'vitest'
import { messageEventSchema } from '../events/message-event.ts'
import type { Logger } from '../runtime.ts'
import { UnreadableEvents } from './unreadable-events.ts'

const STORED = {
  id: 'evt_01900000-0000-7000-8000-000000000001',
  type: 'message.received',
  schemaVersion: 1,
  idempotencyKey: 'a',
  channel: 'sms',
  provider: 'twilio',
  occurredAt: '2026-01-06T10:00:00.000Z',
  occurredAtSource: 'provider',
  streamId: 'sms:+33639980001',
  version: 3,
  recordedAt: '2026-01-06T10:00:01.000Z',
  data: { text: 'hello' },
}

function reader() {
  const said: string[] = []
  const logger: Logger = { debug() {}, info() {}, warn() {}, error: (message) => said.push(message) }
  return { said, events: new UnreadableEvents('the log', logger) }
}

describe('UnreadableEvents', () => {
  it('gives an event of today as it is, with its position', () => {
    const { said, events } = reader()
    expect(events.read({ ...STORED }, 'p1')).toEqual({ ...STORED, position: 'p1' })
    expect(said).toEqual([])
  })

  it('gives event.unreadable for an event of a newer schema, and logs it once with its place', () => {
    const { said, events } = reader()
    const newer = { ...STORED, schemaVersion: 9 }
    expect(events.read({ ...newer }, 'p1')).toMatchObject({ type: 'event.unreadable', idempotencyKey: 'a', version: 3, position: 'p1' })
    events.read({ ...newer }, 'p1')
    expect(said).toEqual([expect.stringMatching(/^the log: the event at p1 cannot be read: .*got 9; a newer release wrote it/)])
  })

  it.each([
    ['a number', 7],
    ['null', null],
    ['a list', [STORED]],
    ['an empty object', {}],
    ['an event without its type', { ...STORED, type: undefined }],
    ['an event without data', { ...STORED, data: null }],
    ['an event whose key is a number', { ...STORED, idempotencyKey: 5 }],
    ['an event whose version is text', { ...STORED, version: '3' }],
  ])('gives event.unreadable with what the store knows of the place for %s', (_, stored) => {
    const { said, events } = reader()
    const known = { idempotencyKey: 'k', streamId: 's', version: 4, recordedAt: '2026-01-07T00:00:00.000Z' }
    const event = events.read(stored, 'p2', () => known)
    expect(event).toMatchObject({ type: 'event.unreadable', ...known, position: 'p2', data: { stored } })
    const { position, streamId, version, recordedAt, ...given } = event
    expect(messageEventSchema.safeParse(given).success).toBe(true)
    expect(said).toHaveLength(1)
  })

  it('logs a hundred places one by one, then says that more are not reported', () => {
    const { said, events } = reader()
    for (let place = 0; place < 500; place += 1) events.read({}, `p${place}`)
    expect(said).toHaveLength(101)
    expect(said.at(-1)).toContain('more are not reported')
  })
})
