import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { appendOf } from '@pipe-comms/core/conformance'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openSqliteEventStore, type SqliteEventStore } from './index.ts'

let dir: string
let file: string
let store: SqliteEventStore

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  file = join(dir, 'messages.sqlite')
  store = await openSqliteEventStore({ file })
})
afterEach(async () => {
  await store.close()
  await rm(dir, { recursive: true })
})

it('lets the last of saves at once win', async () => {
  await Promise.all(['1', '2', '3'].map((position) => store.checkpoints.save('crm', position)))
  expect(await store.checkpoints.load('crm')).toBe('3')
})

it('keeps consumer names and positions of any text apart', async () => {
  const names = ['', '__proto__', 'a', 'A', 'half \ud83d', 'half \udc00', '\ufffd', 'nul \u0000', 'nul ', '\\u0000', '"', '\\"']
  for (const name of names) await store.checkpoints.save(name, `of ${name}`)
  for (const name of names) expect(await store.checkpoints.load(name)).toBe(`of ${name}`)
})

it('saves together with appends of the same moment', async () => {
  const [[result]] = await Promise.all([store.append([appendOf('sms:+12025550101', ['a'])]), store.checkpoints.save('crm', 'here')])
  expect(result).toMatchObject({ status: 'recorded', version: 1 })
  expect(await store.checkpoints.load('crm')).toBe('here')
})

it('finishes a save under way when the store is closed, and refuses later calls', async () => {
  const saved = store.checkpoints.save('crm', 'here')
  await store.close()
  await saved
  await expect(store.checkpoints.save('crm', 'there')).rejects.toMatchObject({ code: 'store_closed' })
  await expect(store.checkpoints.load('crm')).rejects.toMatchObject({ code: 'store_closed' })
  store = await openSqliteEventStore({ file })
  expect(await store.checkpoints.load('crm')).toBe('here')
})
