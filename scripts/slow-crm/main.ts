import { parseArgs } from 'node:util'
import { runSlowCrm } from './slow-crm.ts'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '100000' },
    contacts: { type: 'string', default: '20000' },
    rate: { type: 'string', default: '1000' },
    'dead-ms': { type: 'string', default: '60000' },
    'latency-ms': { type: 'string', default: '200' },
    failing: { type: 'string', default: '0.05' },
    'budget-ms': { type: 'string', default: '150' },
  },
})
const report = await runSlowCrm({
  messages: Number(values.messages),
  contacts: Number(values.contacts),
  rate: Number(values.rate),
  deadMs: Number(values['dead-ms']),
  latencyMs: Number(values['latency-ms']),
  failing: Number(values.failing),
  budgetMs: Number(values['budget-ms']),
})
for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(26)} ${value}`)
const { messages, acknowledged, lost, doubled, overBudget, knownContacts, tied, wronglyTied, mostInFlightForOneContact } = report
const right =
  acknowledged === messages && lost + doubled + overBudget + wronglyTied === 0 && tied === knownContacts && mostInFlightForOneContact === 1
console.log(right ? 'ok: nothing lost, nothing delayed beyond the budget, one question a contact, every known contact tied' : 'FAILED')
process.exit(right ? 0 : 1)
