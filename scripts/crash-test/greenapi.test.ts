import { expect, it } from 'vitest'
import { crashGreenApi } from './greenapi.ts'

it('records each of 10,000 messages once, with repeats, disorder, poison and five restarts of the server', async () => {
  const report = await crashGreenApi({ messages: 10_000, restarts: 5 })
  expect(report).toMatchObject({ lost: 0, doubled: 0, leaked: 0, recorded: 10_000, poison: 100, quarantined: 100, restarts: 5 })
  // A tenth twice, and the poison; what the server was stopped in the middle of comes again on top.
  expect(report.taken).toBeGreaterThanOrEqual(11_100)
  expect(report.refused).toBeGreaterThan(0)
}, 120_000)
