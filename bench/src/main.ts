import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { benchAddresses } from './addresses.ts'
import { benchStores } from './stores.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { events: { type: 'string', default: '1000000' }, out: { type: 'string' } },
})
const [what = 'stores'] = positionals
const benches: Readonly<Record<string, () => Promise<string>>> = {
  stores: () => benchStores({ million: Number(values.events) }),
  addresses: benchAddresses,
}
const bench = benches[what]
if (!bench) {
  process.stderr.write(`Expected ${Object.keys(benches).join(' or ')}, got ${what}\n`)
  process.exit(2)
}
const report = await bench()
process.stdout.write(report)
if (values.out) await writeFile(values.out, report)
