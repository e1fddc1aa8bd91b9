import { parseArgs } from 'node:util'
import { crashGreenApi } from './greenapi.ts'
import { outage } from './outage.ts'
import { crashSending } from './sending.ts'
import { crashStores } from './stores.ts'
import { twoServers } from './two-servers.ts'
import { crashWebhooks } from './webhooks.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    posts: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '200' },
    messages: { type: 'string' },
    patience: { type: 'string', default: '1500000' },
    kills: { type: 'string', default: '100' },
    restarts: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '60' },
    webhooks: { type: 'string', default: '10000' },
    pause: { type: 'string', default: '150' },
    how: { type: 'string', default: 'crash' },
  },
})
const [what = 'stores'] = positionals
let right: boolean

switch (what) {
  case 'stores': {
    const reports = await crashStores(Number(values.rounds))
    console.table(Object.fromEntries(reports.map(({ subject, ...figures }) => [subject, figures])))
    const total = (name: 'rounds' | 'acknowledged' | 'found' | 'lost' | 'doubled' | 'unreadable') =>
      reports.reduce((sum, report) => sum + report[name], 0)
    for (const name of ['rounds', 'acknowledged', 'found', 'lost', 'doubled', 'unreadable'] as const)
      console.log(`${name.padEnd(14)} ${total(name)}`)
    right = total('lost') + total('doubled') + total('unreadable') === 0
    break
  }
  case 'webhooks': {
    const report = await crashWebhooks({ posts: Number(values.posts) })
    for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(14)} ${value}`)
    right = report.lost === 0 && report.doubled === 0 && report.afterRepost === report.posts
    break
  }
  case 'greenapi': {
    const report = await crashGreenApi({ messages: Number(values.messages ?? 10_000), restarts: Number(values.restarts) })
    for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(14)} ${value}`)
    right =
      report.lost + report.doubled + report.leaked === 0 && report.recorded === report.messages && report.quarantined === report.poison
    break
  }
  case 'outage': {
    const report = await outage({ seconds: Number(values.seconds), how: values.how === 'hang' ? 'hang' : 'crash' })
    for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(16)} ${value}`)
    right = report.lost + report.doubled + report.outOfOrder === 0 && report.spooled > 0
    break
  }
  case 'two-servers': {
    const report = await twoServers({ webhooks: Number(values.webhooks), pauseMs: Number(values.pause) })
    for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(16)} ${value}`)
    right = report.lost + report.doubled + report.inversions === 0 && report.recorded === report.webhooks
    break
  }
  case 'sending': {
    const report = await crashSending({
      messages: Number(values.messages ?? 5_000),
      kills: Number(values.kills),
      patienceMs: Number(values.patience),
    })
    for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(16)} ${value}`)
    right = report.takenTwice + report.forgotten === 0
    break
  }
  default:
    console.error(`Expected stores, webhooks, greenapi, outage, two-servers or sending, got ${what}`)
    process.exit(2)
}
console.log(
  right
    ? what === 'sending'
      ? 'ok: nothing was sent twice, nothing was forgotten'
      : 'ok: nothing acknowledged was lost, nothing is there twice'
    : 'FAILED',
)
process.exit(right ? 0 : 1)
