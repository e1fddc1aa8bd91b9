import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Row } from './row.ts'
import { rows } from './rows.ts'

// `npm run faults [-- <row>]`: runs the tests of every row and prints ok or not for each.
interface Result {
  readonly fullName: string
  readonly status: string
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const wanted = process.argv[2]
const chosen = rows.filter(({ row }) => wanted === undefined || row === wanted)
if (chosen.length === 0) {
  console.error(`Expected one of the rows ${rows.map(({ row }) => row).join(', ')}, got ${wanted}`)
  process.exit(2)
}

const results = run(chosen)
let wrong = 0
for (const { row, says, proof } of chosen) {
  const proofs = Object.entries(proof).flatMap(([file, names]) => names.map((name) => ({ file, name, tests: testsOf(file, name) })))
  const missing = proofs.filter(({ tests }) => tests.length === 0)
  const failed = proofs.flatMap(({ tests }) => tests.filter(({ status }) => status !== 'passed'))
  const ok = missing.length === 0 && failed.length === 0
  if (!ok) wrong += 1
  console.log(`${ok ? 'ok ' : 'NOT'} ${row.padEnd(4)} ${says} (${proofs.reduce((sum, { tests }) => sum + tests.length, 0)} tests)`)
  for (const { file, name } of missing) console.log(`         no test: ${file} > ${name}`)
  for (const { fullName, status } of failed) console.log(`         ${status}: ${fullName}`)
}
console.log(`\n${chosen.length - wrong} ok, ${wrong} not`)
process.exit(wrong === 0 ? 0 : 1)

function testsOf(file: string, name: string): readonly Result[] {
  return (results.get(file) ?? []).filter(({ fullName, status }) => fullName.includes(name) && status !== 'skipped')
}

/** Runs just the tests that the rows name. */
function run(rows: readonly Row[]): ReadonlyMap<string, readonly Result[]> {
  const dir = mkdtempSync(join(tmpdir(), 'pipe-comms-faults-'))
  const output = join(dir, 'results.json')
  const files = [...new Set(rows.flatMap(({ proof }) => Object.keys(proof)))]
  const names = [...new Set(rows.flatMap(({ proof }) => Object.values(proof).flat()))].map((name) =>
    name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
  )
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${output}`]
  spawnSync('vitest', ['run', ...files, '-t', names.join('|'), ...reporters], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  const { testResults } = JSON.parse(readFileSync(output, 'utf8')) as {
    testResults: { name: string; assertionResults: Result[] }[]
  }
  rmSync(dir, { recursive: true })
  return new Map(testResults.map(({ name, assertionResults }) => [name.replace(root, ''), assertionResults]))
}
