import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Mistakes that the kits let pass, each with the reason. */
const letPass: Readonly<Record<string, string>> = {
  'receipt-ours': 'a provider may use the id that we give it, so that an id of ours in a receipt can be right',
  'text-trimmed': 'what a message of the provider says in its text is known to the transport alone',
  'reconciler-throws-plain': 'core takes any error of a reconciler for "unknown"',
  'no-time': 'core records the time of receipt in its place',
  'non-constant-time': 'a test on a shared machine cannot measure it',
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly fullName: string; readonly status: string }[]
  }[]
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const dir = await mkdtemp(join(tmpdir(), 'pipe-comms-mutants-'))
const file = join(dir, 'report.json')
const args = [
  'run',
  '--project',
  'comms-core',
  'src/conformance',
  '-t',
  'finds planted faults',
  '--reporter=json',
  `--outputFile.json=${file}`,
]
spawnSync('vitest', args, { cwd: root, stdio: 'ignore' })
const report = JSON.parse(await readFile(file, 'utf8')) as Report
await rm(dir, { recursive: true })

let caught = 0
let survived = 0
for (const { title, fullName, status } of report.testResults.flatMap(({ assertionResults }) => assertionResults)) {
  if (!fullName.includes('finds planted faults')) continue
  if (!/^(mutant|finds an?) /.test(title) || !['passed', 'failed'].includes(status)) continue
  const [, name = title.replace('finds ', ''), by = ''] = /^mutant (\S+) is caught by "(.+)"$/.exec(title) ?? []
  if (status === 'passed') caught += 1
  else survived += 1
  console.log(`${status === 'passed' ? 'caught  ' : 'SURVIVED'} ${name.padEnd(24)} ${by}`)
}
for (const [name, why] of Object.entries(letPass)) console.log(`let pass ${name.padEnd(24)} ${why}`)
console.log(`\n${caught} caught, ${survived} survived, ${Object.keys(letPass).length} let pass for a reason`)
process.exit(caught > 0 && survived === 0 ? 0 : 1)
