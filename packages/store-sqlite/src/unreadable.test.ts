import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger, RecordedEvent } from '@pipe-comms/core'
import { appendOf } from '@pipe-comms/core/conformance'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqliteEventStore, type SqliteEventStore } from './index.ts'

const STREAM = 'whatsapp:+33639980001'

let dir: string
let file: string
let store: SqliteEventStore | undefined
let said: string[]
const logger: Logger = { debug() {}, info() {}, warn: (message) => said.push(message), error: (message) => said.push(message) }

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pipe-comms-sqlite-'))
  file = join(dir, 'messages.sqlite')
  said = []
  const first = await openSqliteEventStore({ file })
  await first.append([appendOf(STREAM, ['a', 'b', 'c'])])
  await first.close()
})
afterEach(async () => {
  await store?.close()
  await rm(dir, { recursive: true })
})

/** As damage does it: past the triggers. */
const inFile = (sql: string) => {
  const db = new Database(file)
  db.exec(sql)
  db.close()
}
const damage = (json: string) =>
  inFile(`DROP TRIGGER message_events_refuse_update; UPDATE message_events SET event_json = ${json} WHERE event_position = 2;
    CREATE TRIGGER message_events_refuse_update BEFORE UPDATE ON message_events
    BEGIN SELECT RAISE(ABORT, 'message_events is append-only: UPDATE refused'); END;`)
const collect = async (events: AsyncIterable<RecordedEvent>) => {
  const found: RecordedEvent[] = []
  for await (const event of events) found.push(event)
  return found
}

describe('a row that cannot be read', () => {
  it.each([
    ['of a newer schema', 'replace(event_json, \'"schemaVersion":1\', \'"schemaVersion":9\')'],
    ['cut off', 'substr(event_json, 1, 40)'],
    ['empty', "''"],
    ['that is a list', "'[1]'"],
    ['that is null', "'null'"],
    ['that is an object of another kind', '\'{"a":1}\''],
    ['without its type', 'replace(event_json, \'"type"\', \'"tipe"\')'],
    ['with NULs in it', "'{' || char(0) || '}'"],
  ])('%s is read as event.unreadable by every reader, and said once', async (_, json) => {
    damage(json)
    store = await openSqliteEventStore({ file, logger })
    const expected = [
      ['message.received', 'a', 1],
      ['event.unreadable', 'b', 2],
      ['message.received', 'c', 3],
    ]
    const shown = (events: RecordedEvent[]) => events.map(({ type, idempotencyKey, version }) => [type, idempotencyKey, version])
    const all = await collect(store.readAll())
    expect(shown(all)).toEqual(expected)
    expect(shown(await collect(store.readStream(STREAM)))).toEqual(expected)
    expect(await store.find('b')).toEqual(all[1])
    expect(all[1]).toMatchObject({ streamId: STREAM, position: expect.stringMatching(/\.000000000002$/) })
    expect(shown(await collect(store.readAll({ after: all[1]?.position as string })))).toEqual(expected.slice(2))
    expect(await store.append([appendOf(STREAM, ['b', 'd'])])).toMatchObject([
      { version: 4, events: [{ repeated: true, event: { type: 'event.unreadable', idempotencyKey: 'b' } }, { repeated: false }] },
    ])
    expect(said).toEqual([
      expect.stringMatching(/messages\.sqlite: the event at \w{8}\.000000000002 cannot be read: .*All others are read/),
    ])
  })
})

describe('the identity of a SQLite log', () => {
  it('is the same for all processes and readers, and stays across reopening', async () => {
    const names = new Set<string | undefined>()
    for (let turn = 0; turn < 3; turn += 1) {
      const stores = await Promise.all([openSqliteEventStore({ file }), openSqliteEventStore({ file, logger })])
      for (const one of stores) names.add((await one.find('a'))?.position.split('.')[0])
      for (const one of stores) await one.close()
    }
    expect(names.size).toBe(1)
    expect(said).toEqual([])
  })

  it('cannot be changed or deleted by SQL', () => {
    for (const sql of ["UPDATE log_identity SET log_id = 'aaaaaaaa'", 'DELETE FROM log_identity']) {
      expect(() => inFile(sql)).toThrow(/the identity of a log never changes/)
    }
  })

  it.each([
    ['of a log of schema 1', 'DROP TABLE log_identity; PRAGMA user_version = 1'],
    ['that was lost', 'DROP TRIGGER log_identity_refuse_delete; DELETE FROM log_identity'],
    ['that was damaged', "DROP TRIGGER log_identity_refuse_update; UPDATE log_identity SET log_id = 'x'' || 1'"],
  ])('%s is a new one, which is said, and positions of before are refused', async (_, sql) => {
    const before = await openSqliteEventStore({ file })
    const old = (await before.find('a'))?.position as string
    await before.close()
    inFile(sql)
    store = await openSqliteEventStore({ file, logger })
    expect(said).toEqual([expect.stringMatching(/the log had no identity; it is \w{8} from now on/)])
    await expect(collect(store.readAll({ after: old }))).rejects.toMatchObject({ code: 'position_invalid' })
    expect(await collect(store.readAll())).toHaveLength(3)
  })
})
