import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Figure, median, table } from './measure.ts'

const RUNS = 15
const GOAL_MS = 15

/**
 * What importing each transport costs, as a user of the packages gets them: built, in a fresh process each time, in turns. Core and zod
 * are imported before, because every transport shares them; their own cost stands first.
 */
export function benchImports(): string {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const transports = readdirSync(`${root}/packages`)
    .filter((folder) => folder.startsWith('transport-'))
    .map((folder) => `@pipe-comms/${folder}`)
  run(root, 'turbo', ['run', 'build', '--filter=./packages/*', '--output-logs=errors-only'])
  const times = new Map<string, number[]>(['@pipe-comms/core', ...transports].map((name) => [name, []]))
  for (let turn = 0; turn < RUNS; turn += 1) {
    for (const [name, seen] of times) seen.push(importMs(root, name, name === '@pipe-comms/core' ? [] : ['@pipe-comms/core', 'zod']))
  }
  const figures = [...times].map(([name, seen]): Figure => {
    const [ms, least] = [median(seen), Math.min(...seen)]
    const isTransport = name !== '@pipe-comms/core'
    return {
      what: `import ${name}${isTransport ? ', core being there' : ''}`,
      value: `${ms.toFixed(1)} ms (least ${least.toFixed(1)} ms)`,
      ...(isTransport ? { goal: `< ${GOAL_MS} ms ${ms < GOAL_MS ? 'met' : '**missed**'}` } : {}),
    }
  })
  return table(`Imports, ${RUNS} fresh processes each`, [], figures)
}

function importMs(root: string, name: string, before: readonly string[]): number {
  const script = `${before.map((first) => `await import('${first}')`).join('\n')}
    const startedAt = performance.now()
    await import('${name}')
    console.log(performance.now() - startedAt)`
  return Number(run(root, process.execPath, ['--input-type=module', '-e', script]))
}

function run(cwd: string, command: string, args: readonly string[]): string {
  const { stdout, status, error } = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  if (status !== 0) throw new Error(`${command} ${args[0]} failed${error ? `: ${error.message}` : ''}`)
  return stdout
}
