import { parseArgs } from 'node:util'
import { crashWebhooks } from './webhooks.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { posts: { type: 'string' } } })
const [what = 'webhooks'] = positionals

switch (what) {
  case 'webhooks': {
    const report = await crashWebhooks({ posts: Number(values.posts ?? 2000) })
    for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(34)} ${value}`)
    const right = report.lost === 0 && report.doubled === 0 && report.afterRepost === report.posts
    console.log(right ? 'ok: nothing acknowledged was lost, nothing is there twice' : 'FAILED')
    process.exit(right ? 0 : 1)
    break
  }
  default:
    console.error(`Expected webhooks, got ${what}`)
    process.exit(2)
}
