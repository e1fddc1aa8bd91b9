import type { Runner } from './runner.ts'

/** What became of the tests of a kit. */
export interface KitRun {
  readonly passed: readonly string[]
  readonly failed: readonly { readonly name: string; readonly error: unknown }[]
  readonly skipped: readonly { readonly name: string; readonly why: string }[]
}

/** Runs a kit with a runner of its own: how the kit itself is tested. */
export async function runKit(register: (runner: Runner) => void): Promise<KitRun> {
  const tests: { name: string; run: (...context: unknown[]) => Promise<void> }[] = []
  register({ describe: (_name, define) => define(), it: (name, run) => tests.push({ name, run }) })
  const run = { passed: [] as string[], failed: [] as { name: string; error: unknown }[], skipped: [] as { name: string; why: string }[] }
  for (const test of tests) {
    const { name } = test
    let skipped: string | undefined
    try {
      await test.run({
        skip: (why: string) => {
          skipped = why
        },
      })
      if (skipped === undefined) run.passed.push(name)
      else run.skipped.push({ name, why: skipped })
    } catch (error) {
      run.failed.push({ name, error })
    }
  }
  return run
}

/** The names of the tests that fail. */
export async function failuresOf(register: (runner: Runner) => void): Promise<string[]> {
  return (await runKit(register)).failed.map(({ name }) => name)
}
