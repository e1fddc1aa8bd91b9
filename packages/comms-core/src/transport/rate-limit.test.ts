import fc from 'fast-check'
import { expect, it } from 'vitest'
import { rateLimiter } from './rate-limit.ts'

/** A clock that moves only while somebody sleeps. */
function virtual() {
  let now = 1_000_000
  return {
    clock: { now: () => 0, monotonic: () => now },
    sleep: async (ms: number) => {
      now += ms
    },
    pass: (ms: number) => {
      now += ms
    },
  }
}
const never = new AbortController().signal

it('never lets more calls through in any span than the limit says', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.array(fc.nat(700), { maxLength: 40 }),
      async (messages, perMs, pauses) => {
        const { pass, ...time } = virtual()
        const limiter = rateLimiter({ messages, perMs }, time)
        const made: number[] = []
        for (const pause of pauses) {
          pass(pause)
          await limiter.take(never)
          made.push(time.clock.monotonic())
        }
        for (const [index, at] of made.entries()) {
          const before = made[index - messages]
          if (before !== undefined) expect(at - before).toBeGreaterThanOrEqual(perMs)
        }
      },
    ),
  )
})

it('counts calls of an earlier run, in whatever order they are noted', () => {
  const { pass: _, ...time } = virtual()
  const limiter = rateLimiter({ messages: 2, perMs: 1000 }, time)
  limiter.note(time.clock.monotonic() - 100)
  limiter.note(time.clock.monotonic() - 5000)
  limiter.note(time.clock.monotonic() - 400)
  expect(limiter.waitMs()).toBe(600)
})

it('serves callers in order, and one that gives up does not count', async () => {
  const { pass: _, ...time } = virtual()
  const limiter = rateLimiter({ messages: 1, perMs: 1000 }, time)
  const order: number[] = []
  const stop = new AbortController()
  const first = limiter.take(never).then(() => order.push(1))
  const second = limiter.take(stop.signal).then(
    () => order.push(2),
    () => order.push(-2),
  )
  const third = limiter.take(never).then(() => order.push(3))
  stop.abort(new Error('gave up'))
  await Promise.all([first, second, third])
  expect(order).toEqual([1, -2, 3])
  expect(time.clock.monotonic()).toBe(1_000_000 + 1000)
})
