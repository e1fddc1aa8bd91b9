import { dequal } from 'dequal'
import { z } from 'zod'
import { callback, checkOf, filledText, kindOf, optionsObject, type Shape } from '../check-options.ts'

/** The two functions of a test runner that the kit needs: `describe` and `it` of vitest, jest, mocha or node:test. */
export interface Runner {
  describe(name: string, define: () => void): unknown
  it(name: string, run: () => Promise<void>): unknown
}

export interface KitOptions {
  readonly runner: Runner
  /**
   * Promises that the subject does not keep, by test name, each with its reason. A gap must still fail: when the subject learns to
   * keep the promise, the test says so. A name that is no test of the kit is an error.
   */
  readonly knownGaps?: Readonly<Record<string, string>>
}

const kitShape: Shape<KitOptions> = {
  runner: z.custom((given) => typeof Object(given).describe === 'function' && typeof Object(given).it === 'function', {
    error: ({ input }) => `expected { describe, it } of a test runner, got ${kindOf(input)}`,
  }),
  knownGaps: z
    .record(z.string(), filledText('the reason of the gap'), {
      error: ({ input }) => `expected reasons by test name, got ${kindOf(input)}`,
    })
    .optional(),
}
const checkKit = checkOf('conformance kit', z.object({ create: callback, options: optionsObject(kitShape) }))

/** The tests of one kit over a subject of this type. The name of each is a promise of the port. */
export type KitTests<Subject> = Readonly<Record<string, (subject: Subject) => Promise<void>>>

/** Registers each test of a kit with the runner, each on a subject of its own. */
export function registerKit<Subject extends { dispose?(): Promise<void> }>(
  title: string,
  tests: KitTests<Subject>,
  create: () => Promise<Subject> | Subject,
  options: KitOptions,
): void {
  checkKit({ create, options })
  const { runner, knownGaps = {} } = options
  const unknown = Object.keys(knownGaps).filter((name) => !(name in tests))
  if (unknown.length > 0) throw new Error(`knownGaps: no such test in the kit: ${unknown.map((name) => `"${name}"`).join(', ')}`)
  runner.describe(title, () => {
    for (const [name, test] of Object.entries(tests)) {
      const gap = knownGaps[name]
      const run = async () => {
        const subject = await create()
        try {
          await test(subject)
        } finally {
          await subject.dispose?.()
        }
      }
      if (gap === undefined) runner.it(name, run)
      else runner.it(`known gap: ${name} (${gap})`, () => mustFail(name, run))
    }
  })
}

async function mustFail(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch {
    return
  }
  throw new Error(`"${name}" is listed in knownGaps but passes now: take it off the list`)
}

export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  if (!dequal(actual, expected)) throw new Error(`${what}: expected ${show(expected)}, got ${show(actual)}`)
}

export function expectTrue(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

/** Runs and gives back what was thrown. */
export async function caught(run: () => unknown, what: string): Promise<unknown> {
  try {
    await run()
  } catch (error) {
    return error
  }
  throw new Error(`${what}: expected an error, got none`)
}

export async function expectCode(run: () => unknown, code: string, what: string): Promise<void> {
  const error = (await caught(run, what)) as { name?: unknown; code?: unknown }
  expectTrue(
    error?.name === 'CommsError' && error.code === code,
    `${what}: expected CommsError ${code}, got ${String(error)} (code ${String(error?.code)})`,
  )
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 400 ? `${text.slice(0, 400)}…` : text
}
