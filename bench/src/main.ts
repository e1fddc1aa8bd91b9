import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { benchAddresses } from './addresses.ts'
import { benchImports } from './imports.ts'
import { benchPostgres } from './postgres.ts'
import { benchSending } from './sending.ts'
import { benchSmtp } from './smtp.ts'
import { benchStores } from './stores.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { events: { type: 'string', default: '1000000' }, out: { type: 'string' } },
})
const benchmarks: Readonly<Record<string, () => string | Promise<string>>> = {
  stores: () => benchStores({ million: Number(values.events) }),
  imports: benchImports,
  addresses: benchAddresses,
  smtp: benchSmtp,
  postgres: benchPostgres,
  sending: benchSending,
}
const [what = 'stores'] = positionals
const bench = benchmarks[what]
if (!bench) {
  process.stderr.write(`Expected ${Object.keys(benchmarks).join(' or ')}, got ${what}\n`)
  process.exit(2)
}
const report = await bench()
process.stdout.write(report)
if (values.out) await writeFile(values.out, report)
