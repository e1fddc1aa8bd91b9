import type { Runner } from './runner.ts'

/** Runs a kit with a runner of its own and gives the names of the tests that failed: how the kit itself is tested. */
export async function failuresOf(register: (runner: Runner) => void): Promise<string[]> {
  const tests: { name: string; run: () => Promise<void> }[] = []
  register({ describe: (_name, define) => define(), it: (name, run) => tests.push({ name, run }) })
  const failures: string[] = []
  for (const { name, run } of tests) {
    try {
      await run()
    } catch {
      failures.push(name)
    }
  }
  return failures
}
