import { expect, it } from 'vitest'
import type { RecordedEvent } from '../events/recorded-event.ts'
import { RequestsAtHand } from './requests-at-hand.ts'

type Request = Parameters<RequestsAtHand['keep']>[0]

const request = (messageId: string, characters: number) =>
  ({ messageId, data: { content: { text: 'x'.repeat(characters) } } }) as RecordedEvent as Request

it('hands a request out once', () => {
  const atHand = new RequestsAtHand()
  atHand.keep(request('m-1', 10))
  expect(atHand.take('m-1')?.messageId).toBe('m-1')
  expect(atHand.take('m-1')).toBeUndefined()
})

it('holds so much and no more, and again when some were handed out', () => {
  const atHand = new RequestsAtHand()
  const ids = Array.from({ length: 10 }, (_, index) => `m-${index}`)
  for (const id of ids) atHand.keep(request(id, 1_000_000))
  const held = ids.filter((id) => atHand.take(id))
  expect(held).toEqual(ids.slice(0, 7))
  for (const id of ids) atHand.keep(request(id, 1_000_000))
  expect(ids.filter((id) => atHand.take(id))).toHaveLength(7)
})
