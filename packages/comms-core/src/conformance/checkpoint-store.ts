import type { CheckpointStore } from '../consumers/checkpoint-store.ts'
import { keys } from './builders.ts'
import { expectEqual, type KitOptions, type KitTests, registerKit } from './runner.ts'

/** A fresh, empty checkpoint store for one test. */
export interface CheckpointStoreSubject {
  readonly checkpoints: CheckpointStore
  /** Closes what holds the checkpoints when it is open, and opens the same ones again. */
  reopen(): Promise<CheckpointStore>
  /** Takes away what the test left: files, tables. */
  dispose?(): Promise<void>
}

/**
 * Registers the promises of {@link CheckpointStore} as tests.
 * @example
 * checkpointStoreConformance('memory', () => ({ checkpoints: memoryCheckpointStore(), reopen: async () => memoryCheckpointStore() }), {
 *   runner: { describe, it },
 *   knownGaps: { 'keeps every checkpoint across close and reopen': 'in memory by design' },
 * })
 */
export function checkpointStoreConformance(
  name: string,
  create: () => Promise<CheckpointStoreSubject> | CheckpointStoreSubject,
  options: KitOptions,
): void {
  registerKit(`${name} keeps the promises of a CheckpointStore`, tests, create, options)
}

/** As different as ids and positions can be, and alike where a careless store would take two for one. */
const ODD_IDS = [
  '__proto__',
  'constructor',
  'a',
  'A',
  'a ',
  'a/b',
  'a-b',
  '../a',
  'a:b',
  'a%3Ab',
  "a'b",
  'a"b',
  'a\\b',
  'a\nb',
  '*',
  'é',
  'e\u0301',
  '👩‍👩‍👧',
  '1',
  '01',
  'x'.repeat(200),
  `${'x'.repeat(199)}y`,
]

const tests: KitTests<CheckpointStoreSubject> = {
  'knows nothing of a consumer that never saved': async ({ checkpoints }) => {
    await checkpoints.save('known', '000000000001')
    for (const id of ['unknown', 'Known', 'know', 'known ', 'constructor', '__proto__']) {
      expectEqual(await checkpoints.load(id), undefined, `checkpoint of ${JSON.stringify(id)}`)
    }
  },

  'gives the last save': async ({ checkpoints }) => {
    await checkpoints.save('consumer', '000000000001')
    expectEqual(await checkpoints.load('consumer'), '000000000001', 'after one save')
    expectEqual(await checkpoints.load('consumer'), '000000000001', 'asked again')
  },

  'lets the last save win, also over a later position': async ({ checkpoints }) => {
    for (const position of ['000000000001', '000000000009', '000000000002']) {
      await checkpoints.save('consumer', position)
      expectEqual(await checkpoints.load('consumer'), position, 'after the save')
    }
  },

  'keeps consumers apart': async ({ checkpoints }) => {
    await checkpoints.save('one', '000000000001')
    await checkpoints.save('two', '000000000002')
    await checkpoints.save('one', '000000000003')
    expectEqual([await checkpoints.load('one'), await checkpoints.load('two')], ['000000000003', '000000000002'], 'checkpoints')
  },

  'loses no save of many consumers at once': async ({ checkpoints }) => {
    const ids = keys('consumer', 30)
    await Promise.all(ids.map((id) => checkpoints.save(id, `of ${id}`)))
    for (const id of ids) expectEqual(await checkpoints.load(id), `of ${id}`, `checkpoint of ${id}`)
  },

  'keeps ids exactly': async ({ checkpoints }) => {
    for (const [index, id] of ODD_IDS.entries()) await checkpoints.save(id, `position ${index}`)
    for (const [index, id] of ODD_IDS.entries()) {
      expectEqual(await checkpoints.load(id), `position ${index}`, `checkpoint of ${JSON.stringify(id)}`)
    }
  },

  'keeps positions exactly': async ({ checkpoints }) => {
    for (const position of ['1', '01', '000000000001', '9'.repeat(60), '2026-01-06:000000000042', 'AbC_-=+/', ' x ']) {
      await checkpoints.save('consumer', position)
      expectEqual(await checkpoints.load('consumer'), position, 'position')
    }
  },

  'keeps every checkpoint across close and reopen': async (subject) => {
    await subject.checkpoints.save('one', '000000000001')
    await subject.checkpoints.save('two', '000000000002')
    await subject.checkpoints.save('one', '000000000003')
    await subject.checkpoints.save('__proto__', '000000000004')
    const reopened = await subject.reopen()
    expectEqual(
      [await reopened.load('one'), await reopened.load('two'), await reopened.load('__proto__'), await reopened.load('three')],
      ['000000000003', '000000000002', '000000000004', undefined],
      'checkpoints',
    )
    await reopened.save('one', '000000000005')
    expectEqual(await reopened.load('one'), '000000000005', 'after one more save')
  },
}
