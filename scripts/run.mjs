// The two commands of the README on a machine with git, npm and any Node >= 20: installs what is missing, then runs a task on the Node
// of the workspace. Written for Node 20 and without dependencies, for it runs before they are there.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = join(root, 'node_modules', '.bin')
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`, TURBO_TELEMETRY_DISABLED: '1' }
const fromSource = '--conditions=@pipe-comms/source'

const tasks = {
  start: () => runUntilItEnds(node(), [fromSource, join('examples', 'webhook-server', 'src', 'main.ts'), ...rest]),
  test,
  bench: () => runUntilItEnds(node(), [fromSource, join('bench', 'src', 'main.ts'), ...rest]),
  cases: () => runUntilItEnds(node(), [fromSource, join('scripts', 'cases', 'main.ts'), ...rest]),
  faults: () => runUntilItEnds(node(), [fromSource, join('scripts', 'faults', 'main.ts'), ...rest]),
  'kit-mutants': () => runUntilItEnds(node(), [fromSource, join('scripts', 'kit-mutants', 'main.ts'), ...rest]),
  corpus: () => runUntilItEnds(node(), [fromSource, join('scripts', 'corpus', 'main.ts'), ...rest]),
  'slow-crm': () => runUntilItEnds(node(), [fromSource, join('scripts', 'slow-crm', 'main.ts'), ...rest]),
  'crash-test': () => runUntilItEnds(node(), [fromSource, join('scripts', 'crash-test', 'main.ts'), ...rest]),
}

const [task = '', ...rest] = process.argv.slice(2)
if (!(task in tasks)) {
  console.error(`Expected one of ${Object.keys(tasks).join(', ')}, got "${task}"`)
  process.exit(2)
}
install()
await tasks[task]()

/** `npm ci` when the modules are not those of the lock file. */
function install() {
  const stamp = join(root, 'node_modules', '.pipe-comms-lock')
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  console.log('Installing dependencies (once)…')
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
  const { status } = spawnSync(npm[0], [...npm.slice(1), 'ci', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    shell: npm.length === 1,
  })
  if (status !== 0) {
    console.error('npm ci failed, see above')
    process.exit(1)
  }
  writeFileSync(stamp, lock)
}

/** The workspace's own Node where it has one for this machine; otherwise this one, when it is new enough. */
function node() {
  const own = join(bin, 'node')
  if (existsSync(own)) return own
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath
  console.error(`Expected Node 22.18 or later on this machine (the workspace brings its own only for Linux), got ${process.version}`)
  process.exit(1)
}

function runUntilItEnds(command, args) {
  const child = spawn(command, args, { cwd: root, env, stdio: 'inherit' })
  // A terminal sends Ctrl-C to the child as well, which takes two signals within a second for one.
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
  if (process.env.npm_lifecycle_event !== undefined) whenParentEnds(() => child.kill('SIGTERM'))
}

/** Where npm is killed, this process goes on without it: whoever watches npm would start a second one beside it. */
function whenParentEnds(stop) {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) stop()
  }, 250).unref()
}

/** Types, lint, boundaries, unused code, tests. Each check counts as one test, so that the last line says it all. */
function test() {
  node()
  const results = mkdtempSync(join(tmpdir(), 'pipe-comms-test-'))
  const checks = [
    ['types', ['turbo', 'run', 'typecheck', '--output-logs=errors-only']],
    ['types of scripts', ['tsc', '--noEmit', '-p', 'scripts']],
    ['lint', ['biome', 'ci', '--error-on-warnings', '.']],
    ['boundaries', ['depcruise', '--config', '.dependency-cruiser.mjs', 'packages', 'examples', 'bench', 'scripts']],
    ['unused code', ['knip']],
  ]
  let passed = 0
  let failed = 0
  for (const [name, [command, ...args]] of checks) {
    console.log(`\n== ${name}`)
    if (execute(command, args)) passed += 1
    else failed += 1
  }
  console.log('\n== tests')
  const json = join(results, 'vitest.json')
  const ok = execute('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${json}`, ...rest])
  const counts = existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : { numPassedTests: 0, numFailedTests: 0 }
  rmSync(results, { recursive: true })
  passed += counts.numPassedTests
  failed += counts.numFailedTests
  if (!ok && counts.numFailedTests === 0) failed += 1
  console.log(`\n${passed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}

function execute(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (error) console.error(error.message)
  return status === 0
}
