import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type EventStore, memoryEventStore } from '@pipe-comms/core'
import { appendOf } from '@pipe-comms/core/conformance'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { listSpoolLeftovers, openFileSpool, openJsonEventStore } from './index.ts'

const PROCESS = fileURLToPath(new URL('./testing/spool-process.ts', import.meta.url))
const STREAM = 'whatsapp:+33639980001'
const signal = new AbortController().signal

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-spool-crash-'))
})
afterEach(() => rm(dir, { recursive: true }))

/** What the process said before it ended, and whether it got to the end of its work. */
function runProcess(...args: string[]): Promise<{ said: string[]; isWhole: boolean }> {
  return new Promise((resolve, reject) => {
    const env = { NODE_COMPILE_CACHE: join(dir, 'compile-cache') }
    execFile(process.execPath, ['--conditions=@pipe-comms/source', PROCESS, ...args], { env }, (error, stdout, stderr) => {
      const ending = error?.signal
      if (ending !== 'SIGKILL' && ending !== 'SIGTERM') return reject(new Error(`The process failed: ${stderr}`))
      resolve({ said: stdout.split('\n').filter(Boolean), isWhole: ending === 'SIGTERM' })
    })
  })
}

async function keysOf(store: EventStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { idempotencyKey } of store.readAll()) keys.push(idempotencyKey)
  return keys
}

/** Runs with 1, 2, 3… until one gets to its end, three at a time. The number of those that were killed. */
async function killAtEachStep(run: (step: number) => Promise<boolean>): Promise<number> {
  let next = 1
  let whole = Number.POSITIVE_INFINITY
  const worker = async () => {
    while (next < whole) {
      const step = next++
      if (await run(step)) whole = Math.min(whole, step)
    }
  }
  await Promise.all([worker(), worker(), worker()])
  return whole - 1
}

it('a spool that is killed at any step of putting loses nothing that it took', async () => {
  const steps = await killAtEachStep(async (step) => {
    const spooled = join(dir, `put-${step}`)
    const { said, isWhole } = await runProcess('put', spooled, '', String(step))
    const next = await openFileSpool({ dir: spooled })
    const store = memoryEventStore()
    const { left } = await next.drain(store, { signal })
    await next.close()
    const keys = await keysOf(store)
    // The put that the kill interrupted may be there; all before it must be.
    expect({ step, left, keys: keys.slice(0, said.length), others: keys.length - said.length <= 1 }).toEqual({
      step,
      left: 0,
      keys: said,
      others: true,
    })
    return isWhole
  })
  expect(steps).toBeGreaterThan(20)
}, 120_000)

it('a spool that is killed at any step of taking over and draining loses and doubles nothing', async () => {
  const left = join(dir, 'left')
  await runProcess('put', left)
  await writeFile(join(left, 'spool-000000000000001.json'), JSON.stringify([appendOf(STREAM, ['older'])]))
  const steps = await killAtEachStep(async (step) => {
    const [spooled, log] = [join(dir, `spool-${step}`), join(dir, `log-${step}`)]
    await cp(left, spooled, { recursive: true })
    const { isWhole } = await runProcess('drain', spooled, log, String(step))
    const store = await openJsonEventStore({ dir: log })
    const spool = await openFileSpool({ dir: spooled })
    const report = await spool.drain(store, { signal })
    await spool.close()
    expect({ step, left: report.left, keys: await keysOf(store) }).toEqual({
      step,
      left: 0,
      keys: ['older', 'k0', 'k1'],
    })
    await store.close()
    expect(await listSpoolLeftovers(spooled)).toEqual([])
    return isWhole
  })
  expect(steps).toBeGreaterThan(20)
}, 120_000)

it('of several processes that find one dead folder at the same time, exactly one drains it', async () => {
  const spooled = join(dir, 'spool')
  await runProcess('put', spooled)
  expect(await listSpoolLeftovers(spooled)).toMatchObject([{ waiting: 2, owner: 'dead' }])
  const drained = await Promise.all(Array.from({ length: 4 }, () => runProcess('drain', spooled, 'memory')))
  expect(drained.flatMap(({ said }) => said)).toEqual(['k0', 'k1'])
})
