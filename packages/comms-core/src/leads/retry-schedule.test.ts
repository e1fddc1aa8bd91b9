import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ASK_AGAIN_AFTER_MS, nextAsk } from './retry-schedule.ts'

const MINUTE = 60_000
const DAY = 86_400_000

describe('an unknown contact is asked for', () => {
  it('now, when it was not asked for since the start', () => {
    expect(nextAsk(0, undefined, 5)).toBe(5)
  })

  it('ever less often, and after a month no more', () => {
    const asked: number[] = [0]
    for (let at = nextAsk(0, 0, 0); at !== undefined; at = nextAsk(0, at, at)) asked.push(at)
    expect(asked.slice(1)).toEqual(ASK_AGAIN_AFTER_MS)
    expect(asked.at(-1)).toBe(30 * DAY)
    expect(nextAsk(0, undefined, 30 * DAY + 1)).toBeUndefined()
  })

  it('soon again, when it wrote again', () => {
    const lastAt = 10 * DAY
    expect(nextAsk(lastAt, lastAt + 1, lastAt + 1)).toBe(lastAt + MINUTE)
  })

  it('as often in all, whenever the process is started again', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 31 * DAY }), { maxLength: 5 }), (restarts) => {
        let asked: number | undefined
        let questions = 0
        const stops = [...restarts].sort((a, b) => a - b)
        for (let now = 0; ; ) {
          const at = nextAsk(0, asked, now)
          const stop = stops[0]
          if (stop !== undefined && (at === undefined || stop <= at)) {
            stops.shift()
            now = stop
            asked = undefined
            continue
          }
          if (at === undefined) break
          now = Math.max(at, now)
          asked = now
          questions += 1
        }
        expect(questions).toBeLessThanOrEqual(ASK_AGAIN_AFTER_MS.length + 1 + restarts.length)
        expect(questions).toBeGreaterThan(0)
      }),
    )
  })
})
