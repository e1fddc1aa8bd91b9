import { z } from 'zod'
import { callback, checkOf, filledText, kindOf, optionsObject, type Shape } from '../check-options.ts'
import { firstDifference, show } from './first-difference.ts'
import { NotApplicable, skipperOf } from './skipping.ts'

/**
 * The two functions of a test runner that the kit needs: `describe` and `it` of vitest, jest, mocha or node:test. `run` takes the context
 * that the runner gives a test: through it, a test of an ability that the subject does not have is skipped with the reason.
 */
export interface Runner {
  describe(name: string, define: () => void): unknown
  it(name: string, run: (...context: unknown[]) => Promise<void>): unknown
}

export interface KitOptions {
  readonly runner: Runner
  /**
   * Promises that the subject does not keep, by test name, each with its reason. A gap must still fail: when the subject learns to
   * keep the promise, the test says so. A name that is no test of the kit is an error. Also the place for abilities that the subject does
   * not have when the runner cannot skip a test that runs, as jest.
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

/**
 * The tests of one kit over a subject of this type. The name of each is a promise of the port. `another` makes one more subject of the
 * same kind; the first is not used any more then, because both may share one database.
 */
export type KitTests<Subject> = Readonly<Record<string, (subject: Subject, another: () => Promise<Subject>) => Promise<void>>>

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
      const run = () => runOnce(test, create)
      if (gap === undefined) {
        // Rest parameters: jest and node:test take a declared parameter for a callback to wait for.
        runner.it(name, async function (this: unknown, ...context: unknown[]) {
          try {
            await run()
          } catch (error) {
            if (!(error instanceof NotApplicable)) throw error
            const skip = skipperOf(this, context)
            if (!skip) throw error.unskippable(name)
            skip(error.message)
          }
        })
      } else runner.it(`known gap: ${name} (${gap})`, () => mustFail(name, run))
    }
  })
}

async function runOnce<Subject extends { dispose?(): Promise<void> }>(
  test: KitTests<Subject>[string],
  create: () => Promise<Subject> | Subject,
): Promise<void> {
  const made: Subject[] = []
  const another = async () => {
    const subject = await create()
    if (typeof subject !== 'object' || subject === null) throw new Error(`create: expected a subject, got ${kindOf(subject)}`)
    made.push(subject)
    return subject
  }
  try {
    await test(await another(), another)
  } finally {
    for (const subject of made) await subject.dispose?.()
  }
}

async function mustFail(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch {
    return
  }
  throw new Error(`"${name}" is listed in knownGaps but passes now: take it off the list`)
}

/** A failed comparison: `expected` and `actual` are on it, as runners want them for a diff. */
function mismatch(message: string, actual: unknown, expected: unknown): Error {
  const error = Object.assign(new Error(message), { actual, expected, operator: 'deepStrictEqual', showDiff: true })
  error.name = 'AssertionError'
  return error
}

/** Compares two values; the message names the first place where they differ. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const difference = firstDifference(actual, expected)
  if (!difference) return
  const place = difference.path === '' ? '' : `, at ${difference.path}`
  throw mismatch(`${what}${place}: expected ${difference.expected}, got ${difference.actual}`, actual, expected)
}

export function expectTrue(condition: boolean, what: string): void {
  if (!condition) throw mismatch(what, false, true)
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
  if (error?.name === 'CommsError' && error.code === code) return
  const came = `${error instanceof Error ? `${error.name}: ${error.message}` : show(error)} (code ${String(error?.code)})`
  throw Object.assign(mismatch(`${what}: expected CommsError ${code}, got ${came}`, error?.code, code), { cause: error })
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}
