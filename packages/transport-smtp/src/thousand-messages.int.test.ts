import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Pair, startPair } from './testing/start-transport.ts'

const MESSAGES = 1000
let pair: Pair

beforeAll(async () => {
  pair = await startPair({}, { capacity: MESSAGES })
})
afterAll(() => pair.close())

it('sends a thousand messages at once over a few connections, each one once', async () => {
  const { simulator, send } = pair
  const receipts = await Promise.all(Array.from({ length: MESSAGES }, (_, index) => send({ messageId: `m-${index}` })))
  const expected = Array.from({ length: MESSAGES }, (_, index) => `m-${index}@example.com`).sort()
  expect(receipts.map(({ providerMessageId }) => providerMessageId).sort()).toEqual(expected)
  expect(simulator.inbox.messages.map(({ mail }) => mail.messageId?.slice(1, -1)).sort()).toEqual(expected)
  // A hundred messages each, five side by side.
  expect(simulator.connections).toBeLessThanOrEqual(15)
}, 30_000)
