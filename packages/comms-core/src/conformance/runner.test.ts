import { describe, expect, it } from 'vitest'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { eventStoreConformance } from './event-store.ts'
import { firstDifference } from './first-difference.ts'
import { runKit } from './planted-fault.ts'
import { expectEqual, registerKit } from './runner.ts'
import { notApplicable } from './skipping.ts'

const absent = { 'has wings': async () => notApplicable('the subject has no wings') }

/** Runs the one test of a kit as a runner does that passes this `this` and this context. */
async function runAs(self: unknown, ...context: unknown[]): Promise<void> {
  let test: ((...given: unknown[]) => Promise<void>) | undefined
  const runner = {
    describe: (_: string, define: () => void) => define(),
    it: (_: string, run: (...given: unknown[]) => Promise<void>) => {
      test = run
    },
  }
  registerKit('bird', absent, () => ({}), { runner })
  await test?.apply(self, context)
}

describe('a test of an ability that the subject does not have', () => {
  it('is skipped with the reason through the context that vitest and node:test pass, and through the `this` of mocha', async () => {
    const reasons: string[] = []
    const skip = (why: string) => reasons.push(why)
    await runAs(undefined, { skip })
    await runAs({ skip })
    expect(reasons).toEqual(['the subject has no wings', 'the subject has no wings'])
  })

  it('fails under a runner that cannot skip, and says what to do', async () => {
    await expect(runAs(undefined)).rejects.toThrow(
      `the subject has no wings, and this runner cannot skip a test while it runs: name it in knownGaps, such as { "has wings": 'why' }`,
    )
  })

  it('may be a known gap', async () => {
    const run = await runKit((runner) =>
      registerKit('bird', absent, () => ({}), { runner, knownGaps: { 'has wings': 'the runner cannot skip' } }),
    )
    expect(run).toEqual({ passed: ['known gap: has wings (the runner cannot skip)'], failed: [], skipped: [] })
  })

  it('declares no parameter, which jest would take for a callback', () => {
    let parameters: number | undefined
    const runner = {
      describe: (_: string, define: () => void) => define(),
      it: (_: string, run: (...given: unknown[]) => Promise<void>) => {
        parameters = run.length
      },
    }
    registerKit('bird', absent, () => ({}), { runner })
    expect(parameters).toBe(0)
  })
})

describe('a failed comparison', () => {
  it('names the first place that differs and carries both values for a diff', () => {
    const actual = [{ data: { text: 'a' } }, { data: { text: `${'x'.repeat(500)}e\u0301` } }]
    const expected = [{ data: { text: 'a' } }, { data: { text: `${'x'.repeat(500)}\u00e9` } }]
    let thrown: unknown
    try {
      expectEqual(actual, expected, 'log')
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ name: 'AssertionError', actual, expected })
    expect((thrown as Error).message).toBe(
      `log, at [1].data.text (from character 501): expected …"${'x'.repeat(20)}\\u00e9", got …"${'x'.repeat(20)}e\\u0301"`,
    )
  })

  it.each([
    [{ a: 1 }, { a: 1, b: 2 }, { path: 'b', actual: 'nothing', expected: '2' }],
    [[1, 2], [1], { path: '[1]', actual: '2', expected: 'nothing' }],
    [undefined, [], { path: '', actual: 'undefined', expected: '[]' }],
    [new Set(['a']), new Set(['a', 'b']), { path: '[1]', actual: 'nothing', expected: '"b"' }],
  ])('of %j with %j', (actual, expected, difference) => {
    expect(firstDifference(actual, expected)).toEqual(difference)
  })
})

it('a kit without its options says what is missing', () => {
  const subject = () => ({ store: memoryEventStore(), reopen: async () => memoryEventStore() })
  expect(() => eventStoreConformance('memory', subject, undefined as never)).toThrow('options: expected an object of options, got nothing')
  expect(() => eventStoreConformance('memory', subject, {} as never)).toThrow('expected { describe, it } of a test runner, got nothing')
})
