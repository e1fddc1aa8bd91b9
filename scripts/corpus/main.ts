import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type CorpusCase, runCorpus } from './corpus.ts'
import { makeCases } from './make-cases.ts'

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
const file = new URL('./cases.jsonl', import.meta.url)

if (values.write) {
  await writeFile(
    file,
    makeCases()
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  )
}
const cases = (await readFile(file, 'utf8'))
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as CorpusCase)
const report = await runCorpus(cases)
for (const [name, list] of [
  ['wrong match', report.wrong],
  ['missed', report.missed],
] as const) {
  for (const one of list)
    console.log(
      `${name.padEnd(12)} ${one.country.padEnd(3)} held ${one.held.join(', ')} (region ${one.region}), seen ${one.seen}: ${one.why}`,
    )
}
const share = (report.correct / report.cases) * 100
console.log(`cases        ${report.cases}, of ${report.countries} countries`)
console.log(`correct      ${report.correct} (${share.toFixed(2)} %)`)
console.log(`wrong match  ${report.wrong.length}`)
console.log(`missed       ${report.missed.length}`)
const right = share >= 99 && report.wrong.length === 0
console.log(right ? 'ok: at least 99 % correct, no wrong match' : 'FAILED')
process.exit(right ? 0 : 1)
