import { describe, expect, it } from 'vitest'
import { appendOf, keys } from '../conformance/builders.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import { type Projection, type ProjectionProgress, project } from './projection.ts'
import { entryIn, setEntry, type Table } from './table.ts'

const names: Projection<string[]> = {
  name: 'names',
  initial: () => [],
  fold: (state, event) => [...state, event.idempotencyKey],
}

async function logOf(count: number) {
  const store = memoryEventStore({ logId: 'test' })
  await store.append([appendOf('whatsapp:+33639980001', keys('n', count))])
  return store
}

describe('project', () => {
  it('folds every event and says how far it read', async () => {
    const store = await logOf(3)
    expect(await project(store.readAll(), names)).toEqual({ state: ['n-1', 'n-2', 'n-3'], position: 'test.000000000003', events: 3 })
  })

  it('gives the initial state and no position for an empty log', async () => {
    expect(await project(memoryEventStore({ logId: 'test' }).readAll(), names)).toEqual({ state: [], events: 0 })
  })

  it('goes on where an earlier one ended', async () => {
    const store = await logOf(3)
    const first = await project(store.readAll(), names)
    await store.append([appendOf('whatsapp:+33639980001', ['later'])])
    const from = JSON.parse(JSON.stringify(first))
    expect(await project(store.readAll({ after: from.position }), names, { from })).toEqual(await project(store.readAll(), names))
  })

  it('tells its progress every so many events and once at the end', async () => {
    const progress: ProjectionProgress[] = []
    const options = { progressEvery: 4, onProgress: (step: ProjectionProgress) => void progress.push(step) }
    await project((await logOf(10)).readAll(), names, options)
    expect(progress.map(({ events, position }) => [events, Number(position.slice(-12))])).toEqual([
      [4, 4],
      [8, 8],
      [10, 10],
    ])
    progress.length = 0
    await project((await logOf(8)).readAll(), names, options)
    expect(progress.map(({ events }) => events)).toEqual([4, 8])
  })

  it('ends with the reason of the signal', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const stopping: Projection<number> = {
      name: 'stopping',
      initial: () => 0,
      fold: (count) => {
        if (count === 4) controller.abort(reason)
        return count + 1
      },
    }
    await expect(project((await logOf(10)).readAll(), stopping, { signal: controller.signal })).rejects.toBe(reason)
  })

  it('refuses a progressEvery of 0', async () => {
    await expect(project((await logOf(1)).readAll(), names, { progressEvery: 0 })).rejects.toMatchObject({ code: 'configuration_invalid' })
  })
})

describe('a table', () => {
  it('takes any key and keeps it through JSON', () => {
    const oddNames = ['__proto__', 'constructor', 'toString', '', '1', 'é']
    const table: Table<string> = {}
    for (const name of oddNames) expect(entryIn(table, name)).toBeUndefined()
    for (const name of oddNames) setEntry(table, name, `of ${name}`)
    const read = JSON.parse(JSON.stringify(table)) as Table<string>
    for (const name of oddNames) expect([entryIn(table, name), entryIn(read, name)]).toEqual([`of ${name}`, `of ${name}`])
    expect(Object.getPrototypeOf(table)).toBe(Object.prototype)
  })
})
