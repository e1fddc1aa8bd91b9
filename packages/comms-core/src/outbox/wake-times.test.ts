import { expect, it } from 'vitest'
import { VirtualTime } from './testing/virtual-time.ts'
import { WakeTimes } from './wake-times.ts'

function times(time: VirtualTime) {
  const woken: (readonly [string, number])[] = []
  const asked: number[] = []
  const start = time.clock.now()
  const wakes = new WakeTimes<string>({
    now: time.clock.now,
    sleep: (ms, signal) => {
      asked.push(ms)
      return time.sleep(ms, signal)
    },
    wake: (items) => {
      for (const item of items) woken.push([item, time.clock.now() - start])
    },
  })
  return { wakes, woken, asked, at: (ms: number, item: string) => wakes.at(start + ms, item) }
}

it('wakes in the order of time, once, at the latest time asked for', async () => {
  const time = new VirtualTime()
  const { at, woken, wakes } = times(time)
  for (const ms of [500, 100, 900, 300, 700]) at(ms, `at ${ms}`)
  at(250, 'moved')
  at(800, 'moved')
  at(400, 'cancelled')
  wakes.cancel('cancelled')
  await time.pass(10_000)
  expect(woken).toEqual([
    ['at 100', 100],
    ['at 300', 300],
    ['at 500', 500],
    ['at 700', 700],
    ['moved', 800],
    ['at 900', 900],
  ])
})

it('wakes what is a year away, and never asks for a longer sleep than a timer can', async () => {
  const time = new VirtualTime()
  const { at, woken, asked, wakes } = times(time)
  at(365 * 86_400_000, 'next year')
  await time.pass(3_600_000)
  expect(woken).toEqual([])
  expect(asked.length).toBeLessThan(20)
  expect(Math.max(...asked)).toBeLessThan(2 ** 31)
  wakes.stop()
})

it('holds two hundred thousand different times', async () => {
  const time = new VirtualTime()
  const { at, woken, asked } = times(time)
  for (let index = 0; index < 200_000; index += 1) at(1_000 + ((index * 7_919) % 200_000) * 50, `${index}`)
  await time.pass(1_000)
  expect(woken).toEqual([['0', 1_000]])
  await time.pass(200)
  expect(woken).toHaveLength(5)
  expect(asked.length).toBeLessThan(20)
})
