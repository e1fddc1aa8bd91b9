import { type AppendResult, memoryEventStore } from '@pipe-comms/core'
import { aMessage } from '@pipe-comms/core/conformance'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { postgresEventStore } from './index.ts'
import { describeWithPostgres, emptyLog, freshDatabase } from './testing/database.ts'

/** Few keys and streams, so that requests meet each other: repeats within a request, a batch and the log, right and wrong versions. */
const request = fc.record(
  {
    streamId: fc.constantFrom('whatsapp:a', 'whatsapp:b', "sms:'c\\"),
    keys: fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 4 }),
    expectedVersion: fc.integer({ min: 0, max: 4 }),
  },
  { requiredKeys: ['streamId', 'keys'] },
)

describeWithPostgres('append', () => {
  let url: string
  let pool: pg.Pool
  beforeAll(async () => {
    url = await freshDatabase()
    pool = new pg.Pool({ connectionString: url, max: 1 })
  })
  afterAll(() => pool?.end())

  it('decides any batches as the reference store does', async () => {
    const outcome = (results: readonly AppendResult[]) =>
      results.map((result) => {
        if (result.status === 'conflict') return result
        const events = result.events.map(({ event: { idempotencyKey, streamId, version, position }, repeated }) => {
          return { idempotencyKey, streamId, version, place: Number(position.split('.').at(-1)), repeated }
        })
        return { ...result, events }
      })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(request, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 5 }), async (batches) => {
        await emptyLog(url)
        const reference = memoryEventStore()
        const store = postgresEventStore({ pool })
        for (const batch of batches) {
          const requests = batch.map(({ keys, ...rest }) => ({ ...rest, events: keys.map((key) => aMessage(`k${key}`)) }))
          expect(outcome(await store.append(requests))).toEqual(outcome(await reference.append(requests)))
        }
        await store.close()
      }),
      { numRuns: 150 },
    )
  })
})
