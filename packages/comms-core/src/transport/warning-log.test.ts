import { expect, it } from 'vitest'
import { silentLogger } from '../runtime.ts'
import { WarningLog } from './warning-log.ts'

function logAt() {
  const lines: string[] = []
  let now = 1_000_000
  const warnings = new WarningLog({ logger: { ...silentLogger, warn: (message) => lines.push(message) }, clock: { now: () => now } })
  return { lines, warnings, pass: (ms: number) => (now += ms) }
}

it('a warning log writes five of a kind in a minute, and says how many more there were', () => {
  const { lines, warnings, pass } = logAt()
  for (let turn = 0; turn < 1_000; turn += 1) warnings.warn('a', 'Refused', {})
  warnings.warn('b', 'Quarantined', {})
  expect(lines).toEqual([...Array(5).fill('Refused'), 'Quarantined'])
  pass(60_000)
  warnings.warn('b', 'Quarantined', {})
  expect(lines.slice(6)).toEqual(['Refused (995 more like it in the last minute)', 'Quarantined'])
})

it('a warning log says what it counted when it is flushed', () => {
  const { lines, warnings } = logAt()
  for (let turn = 0; turn < 7; turn += 1) warnings.warn('a', 'Refused', {})
  warnings.flush()
  expect(lines.at(-1)).toBe('Refused (2 more like it in the last minute)')
})

it('a warning log stays bounded when each warning is of another kind', () => {
  const { lines, warnings } = logAt()
  for (let turn = 0; turn < 10_000; turn += 1) warnings.warn(`kind ${turn}`, 'Refused', {})
  expect(lines.length).toBeLessThan(60)
})

it('a warning log goes on when the clock is set back', () => {
  const { lines, warnings, pass } = logAt()
  for (let turn = 0; turn < 6; turn += 1) warnings.warn('a', 'Refused', {})
  pass(-3_600_000)
  warnings.warn('a', 'Refused', {})
  expect(lines).toHaveLength(7)
})
