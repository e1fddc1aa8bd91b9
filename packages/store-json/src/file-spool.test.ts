import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AppendRequest, CommsError, type EventStore, memoryEventStore } from '@pipe-comms/core'
import { appendOf } from '@pipe-comms/core/conformance'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openFileSpool } from './index.ts'

const STREAM = 'whatsapp:+33639980001'
const signal = new AbortController().signal

let dir: string
let log: EventStore
/** What the store says instead of recording, if anything. */
let fault: (requests: readonly AppendRequest[]) => CommsError | undefined
const store = (): EventStore => ({
  append: async (requests) => {
    const error = fault(requests)
    if (error) throw error
    return log.append(requests)
  },
  find: (key) => log.find(key),
  readStream: (...given) => log.readStream(...given),
  readAll: (...given) => log.readAll(...given),
  close: () => log.close(),
})
const keysInLog = async () => {
  const keys: string[] = []
  for await (const event of log.readAll()) keys.push(event.idempotencyKey)
  return keys
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-spool-'))
  log = memoryEventStore()
  fault = () => undefined
})
afterEach(() => rm(dir, { recursive: true }))

it('drains in the order of coming, across a restart, and only once', async () => {
  const spool = await openFileSpool({ dir })
  for (let index = 0; index < 12; index += 1) await spool.put([appendOf(STREAM, [`k${index}`])])
  const again = await openFileSpool({ dir })
  await again.put([appendOf(STREAM, ['k12', 'k13'])])
  expect(await again.size()).toBe(13)
  await log.append([appendOf(STREAM, ['k3'])])
  expect(await again.drain(store(), { signal })).toEqual({ recorded: 13, left: 0, setAside: [] })
  expect(await keysInLog()).toEqual(['k3', 'k0', 'k1', 'k2', 'k4', 'k5', 'k6', 'k7', 'k8', 'k9', 'k10', 'k11', 'k12', 'k13'])
  expect(await (await openFileSpool({ dir })).size()).toBe(0)
})

it('stops when the store is away, and goes on later', async () => {
  const spool = await openFileSpool({ dir })
  for (const key of ['a', 'b', 'c']) await spool.put([appendOf(STREAM, [key])])
  fault = (requests) => (requests[0]?.events[0]?.idempotencyKey === 'b' ? new CommsError('store_unavailable', 'away') : undefined)
  expect(await spool.drain(store(), { signal })).toMatchObject({ recorded: 1, left: 2, unavailable: { code: 'store_unavailable' } })
  fault = () => undefined
  expect(await spool.drain(store(), { signal })).toEqual({ recorded: 2, left: 0, setAside: [] })
  expect(await keysInLog()).toEqual(['a', 'b', 'c'])
})

it('sets poison aside after maxTries and never lets it block the others', async () => {
  const spool = await openFileSpool({ dir, maxTries: 2 })
  for (const key of ['a', 'poison', 'c']) await spool.put([appendOf(STREAM, [key])])
  await writeFile(join(dir, 'spool-000000000000000.json'), '{broken')
  const again = await openFileSpool({ dir, maxTries: 2 })
  fault = (requests) => (requests[0]?.events[0]?.idempotencyKey === 'poison' ? new CommsError('event_invalid', 'no') : undefined)
  expect(await again.drain(store(), { signal })).toEqual({ recorded: 2, left: 2, setAside: [] })
  const { setAside, left } = await again.drain(store(), { signal })
  expect([setAside.length, left]).toEqual([2, 0])
  expect(await readdir(join(dir, 'set-aside'))).toEqual(['spool-000000000000000.json', 'spool-000000000000002.json'])
})

it('refuses more than maxBytes, and takes it when there is room again', async () => {
  const spool = await openFileSpool({ dir, maxBytes: 1200 })
  await spool.put([appendOf(STREAM, ['a'])])
  await spool.put([appendOf(STREAM, ['b'])])
  await expect(spool.put([appendOf(STREAM, ['c'])])).rejects.toMatchObject({
    code: 'store_overloaded',
    message: expect.stringContaining(dir),
  })
  await spool.drain(store(), { signal })
  await spool.put([appendOf(STREAM, ['c'])])
  expect(await spool.size()).toBe(1)
})

it('says so when the folder is gone', async () => {
  const spool = await openFileSpool({ dir: join(dir, 'sub') })
  await rm(join(dir, 'sub'), { recursive: true })
  await expect(spool.put([appendOf(STREAM, ['a'])])).rejects.toMatchObject({ code: 'store_unavailable' })
})
