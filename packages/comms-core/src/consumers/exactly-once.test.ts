import { expect, it } from 'vitest'
import { appendOf, keys } from '../conformance/builders.ts'
import type { Position, RecordedEvent } from '../events/recorded-event.ts'
import { memoryEventStore } from '../store/memory-event-store.ts'
import type { CheckpointStore } from './checkpoint-store.ts'
import { runConsumer } from './consumer.ts'
import { memoryCheckpointStore } from './memory-checkpoint-store.ts'

const STREAM = 'whatsapp:+33639980001'

async function longLog() {
  const store = memoryEventStore()
  await store.append([appendOf(STREAM, keys('fact', 40))])
  return store
}

/** Stands for a database: what a transaction writes is kept whole or not at all. */
class NotesDatabase {
  notes: string[] = []
  position: Position | undefined

  async transaction(work: (change: { notes: string[]; position: Position | undefined }) => void): Promise<void> {
    const change = { notes: [...this.notes], position: this.position }
    work(change)
    await Promise.resolve()
    this.notes = change.notes
    this.position = change.position
  }
}

/** The process ends now and then, after the work was done and before the consumer heard of it. */
function diesAfter(act: (event: RecordedEvent) => Promise<void>) {
  let calls = 0
  return async (event: RecordedEvent) => {
    await act(event)
    calls += 1
    if (calls % 3 === 0) throw new Error('power cut')
  }
}

async function runThroughCrashes(handle: (event: RecordedEvent) => Promise<void>, checkpoints: CheckpointStore, enough: () => boolean) {
  const store = await longLog()
  let crashes = 0
  while (!enough()) {
    const consumer = runConsumer({ id: 'notes', store, checkpoints, handle, maxTries: 1, onPoison: 'stop', saveEvery: 7 })
    await consumer.done.catch(() => {
      crashes += 1
    })
  }
  return crashes
}

it('has its effect exactly once when the position is saved in the transaction of the effect', async () => {
  const database = new NotesDatabase()
  const checkpoints: CheckpointStore = { load: async () => database.position, save: async () => {} }
  const addNote = (event: RecordedEvent) =>
    database.transaction((change) => {
      if (change.position !== undefined && event.position <= change.position) return
      change.notes.push(event.idempotencyKey)
      change.position = event.position
    })
  const crashes = await runThroughCrashes(diesAfter(addNote), checkpoints, () => database.notes.length >= 39)
  expect(crashes).toBeGreaterThan(10)
  expect(database.notes).toEqual(keys('fact', database.notes.length))
})

it("has its effect exactly once when the other side knows the event's idempotencyKey", async () => {
  const crm = new Map<string, string>()
  let calls = 0
  const addNote = async (event: RecordedEvent) => {
    calls += 1
    if (!crm.has(event.idempotencyKey)) crm.set(event.idempotencyKey, event.id)
  }
  const crashes = await runThroughCrashes(diesAfter(addNote), memoryCheckpointStore(), () => crm.size >= 39)
  expect(crashes).toBeGreaterThan(10)
  expect(calls).toBeGreaterThan(crm.size)
  expect([...crm.keys()]).toEqual(keys('fact', crm.size))
})

it('has it more than once without either, which is why the recipe is needed', async () => {
  const notes: string[] = []
  const add = async (event: RecordedEvent) => {
    notes.push(event.idempotencyKey)
  }
  await runThroughCrashes(diesAfter(add), memoryCheckpointStore(), () => new Set(notes).size >= 39)
  expect(notes.length).toBeGreaterThan(new Set(notes).size)
})
