import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { backOffMs, type Sleep, timeLimit, timerSleep } from './pause.ts'

describe('timerSleep', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it.each([1000, 5_000_000_000])('waits that long (%i ms)', async (ms) => {
    let awake = false
    const slept = timerSleep(ms, new AbortController().signal).then(() => {
      awake = true
    })
    await vi.advanceTimersByTimeAsync(ms - 1)
    expect(awake).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await slept
  })

  it('ends with the signal and leaves no timer that would hold a process', async () => {
    const controller = new AbortController()
    const slept = Promise.all([1000, 5_000_000_000].map((ms) => timerSleep(ms, controller.signal)))
    await vi.advanceTimersByTimeAsync(900)
    controller.abort()
    await slept
    await timerSleep(1000, controller.signal)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('timeLimit', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())
  const injected: Sleep = (ms, signal) => timerSleep(ms, signal)

  it.each([
    ['a timer', undefined],
    ['a sleep of its own', injected],
  ])('is over after its time, by %s, with a TimeoutError', async (_, sleep) => {
    const { signal, end } = timeLimit(1000, undefined, sleep)
    await vi.advanceTimersByTimeAsync(999)
    expect(signal.aborted).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(signal.reason).toMatchObject({ name: 'TimeoutError', message: 'the time limit of 1000 ms is over' })
    end()
  })

  it.each([
    ['a timer', undefined],
    ['a sleep of its own', injected],
  ])('ends with its parent, and when it is ended leaves no timer, by %s', async (_, sleep) => {
    const parent = new AbortController()
    const limits = [timeLimit(1000, parent.signal, sleep), timeLimit(1000, parent.signal, sleep)] as const
    limits[0].end()
    parent.abort('enough')
    expect(limits.map(({ signal }) => signal.reason)).toEqual([undefined, 'enough'])
    limits[1].end()
    expect(vi.getTimerCount()).toBe(0)
    expect(timeLimit(1000, parent.signal, sleep).signal.reason).toBe('enough')
  })
})

it('backs off between half and all of a wait that doubles up to its limit', () => {
  const number = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), number, (tries, random) => {
      const wait = backOffMs(tries, { firstMs: 200, maxMs: 30_000 }, () => random)
      const longest = tries > 8 ? 30_000 : Math.min(30_000, 200 * 2 ** (tries - 1))
      expect(wait).toBeGreaterThanOrEqual(longest / 2)
      expect(wait).toBeLessThanOrEqual(longest)
    }),
  )
})
