import { expect, it } from 'vitest'
import { crashStores } from './stores.ts'
import { SUBJECTS } from './subjects.ts'

it.each(SUBJECTS)(
  '%s: kill -9 loses nothing acknowledged, doubles nothing, and leaves a log that opens',
  async (subject) => {
    const [report] = await crashStores(3, [subject])
    expect(report).toMatchObject({ rounds: 3, lost: 0, doubled: 0, unreadable: 0 })
    expect(report?.acknowledged).toBeGreaterThan(20)
    expect(report?.found).toBeGreaterThanOrEqual(report?.acknowledged as number)
  },
  60_000,
)
