import { expect, it } from 'vitest'
import { postgresPrograms } from '../../packages/store-supabase/src/testing/postgres-server.ts'
import { twoServers } from './two-servers.ts'

const skipped = (await postgresPrograms()) ? '' : ' (needs PostgreSQL: apt-get install postgresql)'

it.skipIf(skipped !== '' && process.env.CI !== 'true')(
  `two servers with one database and one folder lose and double nothing while all of them fail at random${skipped}`,
  async () => {
    const report = await twoServers({ webhooks: 300, pauseMs: 200 })
    expect(report).toMatchObject({ acknowledged: 600, recorded: 600, lost: 0, doubled: 0, inversions: 0 })
    expect(report.kills).toBeGreaterThan(0)
    expect(report.crashes + report.hangs).toBeGreaterThan(0)
  },
  180_000,
)
