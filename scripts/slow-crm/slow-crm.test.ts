import { expect, it } from 'vitest'
import { runSlowCrm } from './slow-crm.ts'

it('loses and delays nothing for a CRM that is slow, fails and dies, and ties every known contact when it is back', async () => {
  const report = await runSlowCrm({ messages: 2000, contacts: 300, rate: 1000, deadMs: 1000, latencyMs: 200, failing: 0.05, budgetMs: 150 })
  expect(report).toMatchObject({
    acknowledged: 2000,
    lost: 0,
    doubled: 0,
    overBudget: 0,
    wronglyTied: 0,
    mostInFlightForOneContact: 1,
    knownContacts: 250,
    tied: 250,
  })
}, 60_000)
