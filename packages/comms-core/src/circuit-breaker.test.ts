import { beforeEach, describe, expect, it } from 'vitest'
import { CircuitBreaker } from './circuit-breaker.ts'
import { CommsError } from './errors.ts'

let now: number
let told: string[]
const create = () =>
  new CircuitBreaker({
    failures: 3,
    firstMs: 1000,
    maxMs: 8000,
    clock: { monotonic: () => now },
    random: () => 0,
    onChange: (state, forMs) => told.push(`${state} ${forMs}`),
  })
beforeEach(() => {
  now = 0
  told = []
})

function fail(breaker: CircuitBreaker, times: number, error: unknown = new Error('down')): void {
  for (let time = 0; time < times; time += 1) breaker.failed(error)
}

describe('a circuit breaker', () => {
  it('opens after failures in a row, and a success between them counts them anew', () => {
    const breaker = create()
    fail(breaker, 2)
    breaker.succeeded()
    fail(breaker, 2)
    expect(breaker.take()).toBe(true)
    fail(breaker, 1)
    expect(breaker.take()).toBe(false)
    expect([breaker.waitMs(), told]).toEqual([1000, ['open 1000']])
  })

  it('lets one call through when the time is up, and all when that one succeeds', () => {
    const breaker = create()
    fail(breaker, 3)
    now = 1000
    expect([breaker.take(), breaker.take(), breaker.isClosed]).toEqual([true, false, false])
    breaker.succeeded()
    expect([breaker.take(), breaker.take(), told.at(-1)]).toEqual([true, true, 'closed 0'])
  })

  it('stays open twice as long each time the one call fails, up to the longest', () => {
    const breaker = create()
    fail(breaker, 3)
    for (const wait of [2000, 4000, 8000, 8000]) {
      now += breaker.waitMs()
      breaker.take()
      fail(breaker, 1)
      expect(breaker.waitMs()).toBe(wait)
    }
  })

  it('is not opened longer by calls that were under way when it opened', () => {
    const breaker = create()
    fail(breaker, 7)
    expect([breaker.waitMs(), told]).toEqual([1000, ['open 1000']])
  })

  it('opens at once and as long as the peer asks', () => {
    const breaker = create()
    fail(breaker, 1, new CommsError('directory_misconfigured', 'wrong key', { retryAfterMs: 300_000 }))
    expect(breaker.waitMs()).toBe(300_000)
  })
})
