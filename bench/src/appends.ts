import { type EventCache, type EventStore, eventCache, type NewEvent } from '@pipe-comms/core'
import { streamOf } from './events.ts'
import { rate } from './measure.ts'

/** Appends a second of so many callers that append one event each through the event cache, again and again. Closes the store. */
export async function appendsThroughCache(
  store: EventStore,
  sample: readonly NewEvent[],
  atOnce: number,
  warmUp: (cache: EventCache) => Promise<unknown>,
): Promise<number> {
  const cache = eventCache({ store, maxBatch: atOnce })
  await warmUp(cache)
  const perSecond = await appendsOf(atOnce, cache, sample)
  await cache.close()
  return perSecond
}

/** The same through a cache that stays open. */
export function appendsOf(callers: number, cache: EventCache, sample: readonly NewEvent[]): Promise<number> {
  return rate(sample.length, async () => {
    let next = 0
    const caller = async () => {
      for (let index = next++; index < sample.length; index = next++) {
        await cache.append([{ streamId: streamOf(index), events: [sample[index] as NewEvent] }])
      }
    }
    await Promise.all(Array.from({ length: callers }, caller))
  })
}
