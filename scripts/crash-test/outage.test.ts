import { expect, it } from 'vitest'
import { postgresPrograms } from '../../packages/store-supabase/src/testing/postgres-server.ts'
import { outage } from './outage.ts'

const skipped = (await postgresPrograms()) ? '' : ' (needs PostgreSQL: apt-get install postgresql)'

it.skipIf(skipped !== '' && process.env.CI !== 'true')(
  `a database that is gone under load costs nothing: the spool takes over, and all arrives once and in order per contact${skipped}`,
  async () => {
    const report = await outage({ seconds: 3 })
    expect(report).toMatchObject({ lost: 0, doubled: 0, outOfOrder: 0, acknowledged: report.posts })
    expect(report.spooled).toBeGreaterThan(20)
    expect(report.acknowledged).toBeGreaterThan(report.spooled)
  },
  60_000,
)

it.skipIf(skipped !== '' && process.env.CI !== 'true')(
  `a database that hangs under load has webhooks and sends answered in seconds, and all arrives once and in order per contact${skipped}`,
  async () => {
    const report = await outage({ seconds: 8, how: 'hang' })
    expect(report).toMatchObject({ lost: 0, doubled: 0, outOfOrder: 0, acknowledged: report.posts, send: 'store_unavailable' })
    expect(report.spooled).toBeGreaterThan(20)
    // The time limits are 3 and 10 seconds; the machine of the test may be busy.
    expect(report.slowestAnswerSeconds).toBeLessThan(6)
    expect(report.sendSeconds).toBeLessThan(12)
  },
  60_000,
)
