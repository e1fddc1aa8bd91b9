import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { benchStores } from './stores.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { events: { type: 'string', default: '1000000' }, out: { type: 'string' } },
})
const [what = 'stores'] = positionals
if (what !== 'stores') {
  process.stderr.write(`Expected stores, got ${what}\n`)
  process.exit(2)
}
const report = await benchStores({ million: Number(values.events) })
process.stdout.write(report)
if (values.out) await writeFile(values.out, report)
